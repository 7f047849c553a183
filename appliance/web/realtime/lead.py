"""Who leads a live conversation: the box's model, or an assistant, which its client may name at any time."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import replace as replaced
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from appliance.callers.names import REALTIME_ALIASES, called
from appliance.store.assistants import NOBODY, Preset
from appliance.web.realtime import conducting
from appliance.web.realtime.wire_session import ResponseBody, SessionBody, merged

if TYPE_CHECKING:
    from appliance.callers.caller import Caller
    from appliance.jobs import AnyJob
    from appliance.settings import Settings
    from appliance.voice.live.conduct import Conduct, Style
    from appliance.voice.stages import Answer, Stages
    from appliance.web.box import Box

USUAL = ("instructions", "temperature")
"""Fields of a session that are an assistant's until the client says otherwise."""


def first_session(settings: Settings, preset: Preset = NOBODY) -> SessionBody:
    """What a session is before its client says anything. The rules of an assistant are not the client's to read."""
    voice = settings.voice
    return SessionBody(
        instructions="" if preset.instructions else voice.instructions,
        temperature=voice.temperature if preset.temperature is None else preset.temperature,
        max_output_tokens=voice.max_reply_tokens,
    )


class Lead:
    """Of one conversation of the caller's. It is the language stage too, as whoever leads at the time answers."""

    def __init__(self, box: Box, caller: Caller) -> None:
        self._plain, self._caller = box, caller
        self.box = box
        """As it answers now."""

    @property
    def stages(self) -> Stages:
        """Those that the conversation is led with, whoever leads."""
        return replaced(self._plain.stages, llm=self)

    def stream(self, job: AnyJob, payload: bytes = b"") -> AbstractAsyncContextManager[Answer]:
        """A job for the language stage of whoever leads now."""
        return self.box.stages.llm.stream(job, payload)

    @property
    def _preset(self) -> Preset:
        return self.box.assistant or NOBODY

    async def begin(self, given: dict[str, Any]) -> tuple[SessionBody, Conduct]:
        """A session as its client wants it from the start. Raises `RequestError`, and `NotFound` for its model."""
        return await self.change(first_session(self.box.settings), given)

    async def change(self, session: SessionBody, given: dict[str, Any]) -> tuple[SessionBody, Conduct]:
        """The session with what its client wants otherwise, and how it is conducted.

        What an error is raised for changes nothing. Another assistant's ways replace those of the one before, as far
        as the client has not said them.
        """
        settings, names = self.box.settings, self.box.names
        wanted, box = merged(session, given), self.box
        aloud = "audio" in wanted.output_modalities
        if wanted.type == "realtime" and (wanted.type, wanted.model) != (session.type, session.model):
            box = await self._named(wanted.model, aloud=aloud)
            before, after = (first_session(settings, preset) for preset in (self._preset, box.assistant or NOBODY))
            usual = [field for field in USUAL if getattr(wanted, field) == getattr(before, field)]
            wanted = replace(wanted, **{field: getattr(after, field) for field in usual})
        elif wanted.output_modalities != session.output_modalities:
            box = self._plain.answering_as(box.assistant, aloud=aloud)
        conduct = conducting.conduct(wanted, names, settings.stt, box.assistant or NOBODY)
        self.box = box
        return wanted, conduct

    def style(self, session: SessionBody, response: ResponseBody) -> Style:
        """How one response is made. Raises `RequestError`."""
        return conducting.style(session, response, self.box.names, self._preset)

    async def _named(self, model: str, *, aloud: bool) -> Box:
        box, owner = self._plain, self._caller.owner
        found = await called(box.names, box.assistants, owner, model, REALTIME_ALIASES)
        return self._plain.answering_as(found, aloud=aloud)
