"""When each stage of a turn was ready, from the user's last voice on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from appliance.voice.live.guess import Guess
    from appliance.voice.live.response import Response
    from appliance.voice.live.utterance import Utterance


@dataclass(slots=True)
class Asked:
    """The turn that a response answers. `voice_end` is a time of the event loop's."""

    guess: Guess
    utterance: Utterance
    voice_end: float
    sent: float | None = None
    """Time at which the response's first audio left."""

    def heard(self, response: Response) -> dict[str, float]:
        """The first audio of the response leaves: milliseconds after `voice_end` until each stage was ready."""
        self.sent = anyio.current_time()
        return self.marks(response)

    def marks(self, response: Response) -> dict[str, float]:
        """The same, as far as it has come."""
        now, watch = anyio.current_time(), response.draft.watch
        times = {
            "paused": self.guess.began,
            "understood": self.guess.understood_at or now,
            "over": self.utterance.over_at,
            **{name: watch.started + mark / 1000 for name, mark in watch.marks.items()},
        }
        times |= {} if self.sent is None else {"sent": self.sent}
        return {name: round((at - self.voice_end) * 1000, 1) for name, at in times.items()}
