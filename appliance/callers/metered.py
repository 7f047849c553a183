"""Stages whose use is counted: a job of a key that has used up its day is refused before it begins."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from appliance.jobs import (
    SPEECH_RATE,
    Audio,
    Embed,
    Embedding,
    Generate,
    Generated,
    Heard,
    Speak,
    Transcribe,
    Understand,
)
from appliance.store.usage import Amount
from appliance.voice.cached import Outcome, outcome_of
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from appliance.callers.meter import Meter
    from appliance.jobs import AnyJob, AnyPart, JobTimes
    from appliance.voice.stages import Answer, Stage


def metered(stages: Stages, meter: Meter) -> Stages:
    """The same stages, counted. Noticing turns costs nothing: the microphone's audio is counted as it comes."""
    stt, llm, tts = (Metered(stage, meter) for stage in (stages.stt, stages.llm, stages.tts))
    return Stages(stt, llm, tts, stages.turn, Metered(stages.embed, meter) if stages.embed is not None else None)


class Metered:
    """A stage; raises `RateLimited` for a job that is one too many."""

    def __init__(self, stage: Stage, meter: Meter) -> None:
        self._stage, self._meter = stage, meter

    @asynccontextmanager
    async def stream(self, job: AnyJob, payload: bytes = b"") -> AsyncIterator[Answer]:
        """Send a job."""
        match job:
            case Generate() | Embed():
                self._meter.check_tokens()
            case Transcribe() | Speak():
                self._meter.check_audio()
            case Understand() if job.priority == "live":
                self._meter.check_audio()
            case _:
                pass
        async with self._stage.stream(job, payload) as answer:
            yield MeteredAnswer(answer, self._meter)


class MeteredAnswer:
    """The parts of an answer, counted as they come."""

    def __init__(self, answer: Answer, meter: Meter) -> None:
        self._answer, self._meter = answer, meter

    @property
    def outcome(self) -> Outcome:
        """Whether it comes from a cache."""
        return outcome_of(self._answer)

    @property
    def times(self) -> JobTimes:
        """When the job got how far."""
        return self._answer.times

    def __aiter__(self) -> MeteredAnswer:
        return self

    async def __anext__(self) -> tuple[AnyPart, bytes]:
        """The next one."""
        part, payload = await anext(self._answer)
        match part:
            case Generated():
                self._meter.count(Amount(read_tokens=part.prompt_tokens, written_tokens=part.completion_tokens))
            case Embedding():
                self._meter.count(Amount(read_tokens=part.tokens))
            case Heard():
                self._meter.count(Amount(heard_ms=int(part.seconds * 1000)))
            case Audio():
                self._meter.count(Amount(spoken_ms=part.samples * 1000 // SPEECH_RATE))
            case _:
                pass
        return part, payload

    def promote(self) -> None:
        """Somebody listens for it now."""
        self._answer.promote()
