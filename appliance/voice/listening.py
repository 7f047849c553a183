"""From audio to words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.audio import seconds, wav
from appliance.errors import InternalError, RequestError
from appliance.jobs import STT_RATE, UTTERANCE_SECONDS, Heard, Segment, Transcribe, Understand, Understood
from appliance.voice.cached import outcome_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from appliance.jobs import AnyPart, Priority
    from appliance.voice.cached import Outcome
    from appliance.voice.live.conduct import Transcribing
    from appliance.voice.stages import Answer, Stage


@dataclass(frozen=True, slots=True)
class Transcription:
    """A whole recording's words."""

    heard: Heard
    segments: tuple[Segment, ...]
    outcome: Outcome = "none"
    """Whether it was kept from before."""

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
        segments = [part async for part, _ in parts if isinstance(part, Segment)]
        return Transcription(heard, tuple(segments), outcome_of(parts))


async def understand(
    stage: Stage, audio: bytes, how: Transcribing, priority: Priority, begun: Callable[[Answer], None] = lambda _: None
) -> str:
    """What was said in an utterance: mono 16-bit samples at `STT_RATE`. Empty where no words were.

    `begun` is given the answer, so that it can be promoted. A monologue that is too long for one pass is transcribed
    as a recording.
    """
    if seconds(audio, STT_RATE) > UTTERANCE_SECONDS:
        job = Transcribe(
            language=how.language, prompt=how.prompt, hotwords=how.hotwords, max_seconds=seconds(audio, STT_RATE) + 1
        )
        try:
            return (await transcribe(stage, job, wav(audio, STT_RATE))).text
        except RequestError as error:
            if error.code == "audio_silent":
                return ""
            raise
    wanted = Understand(language=how.language, prompt=how.prompt, hotwords=how.hotwords, priority=priority)
    async with stage.stream(wanted, audio) as answer:
        begun(answer)
        async for part, _ in answer:
            if isinstance(part, Understood):
                return part.text.strip()
    raise InternalError("The listening stage gave no answer.")
