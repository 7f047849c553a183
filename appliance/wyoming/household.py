"""What this door needs of the box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from appliance.callers.lines import Lines
    from appliance.callers.meter import Meter, Meters
    from appliance.callers.names import Names
    from appliance.settings import Settings
    from appliance.store.assistants import Assistant, Assistants
    from appliance.store.conversations import Conversations
    from appliance.store.keys import Keys
    from appliance.voice.recorder import Recorder
    from appliance.voice.stages import Stages
    from appliance.voice.stories import Stories


class Household(Protocol):
    """One appliance, as it is seen from here."""

    @property
    def settings(self) -> Settings: ...
    @property
    def stages(self) -> Stages: ...
    @property
    def names(self) -> Names: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def recorder(self) -> Recorder: ...
    @property
    def stories(self) -> Stories: ...
    @property
    def assistants(self) -> Assistants: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def lines(self) -> Lines: ...
    @property
    def meters(self) -> Meters: ...
    @property
    def meter(self) -> Meter:
        """What whoever asks has used."""

    @property
    def assistant(self) -> Assistant | None:
        """Who answers."""

    def seen_by(self, meter: Meter) -> Household:
        """The same box, with stages that count."""

    def answering_as(self, assistant: Assistant | None, *, aloud: bool) -> Household:
        """The same box, as it answers for an assistant."""
