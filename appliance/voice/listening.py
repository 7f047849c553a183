"""From audio to words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.errors import InternalError
from appliance.jobs import Heard, Segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from appliance.jobs import AnyPart, Transcribe
    from appliance.voice.stages import Stage


@dataclass(frozen=True, slots=True)
class Transcription:
    """A whole recording's words."""

    heard: Heard
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        """All words in one line."""
        return "".join(segment.text for segment in self.segments).strip()


async def heard_first(parts: AsyncIterator[tuple[AnyPart, bytes]]) -> Heard:
    """The first part of a transcription."""
    part, _ = await anext(parts)
    if not isinstance(part, Heard):
        raise InternalError("The listening stage answered out of order.")
    return part


async def transcribe(stage: Stage, job: Transcribe, audio: bytes) -> Transcription:
    """Wait for the whole transcription."""
    async with stage.stream(job, audio) as parts:
        heard = await heard_first(parts)
        return Transcription(heard, tuple([part async for part, _ in parts if isinstance(part, Segment)]))
