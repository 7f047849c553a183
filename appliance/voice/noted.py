"""Stages whose jobs are noted for the story of whatever they work for (`appliance.story`)."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from appliance.audio import seconds
from appliance.errors import ApplianceError
from appliance.jobs import (
    LAST,
    SPEECH_RATE,
    STT_RATE,
    Audio,
    Embedding,
    Generated,
    Heard,
    Judge,
    Understand,
    Wake,
)
from appliance.story import JOBS, JobNote
from appliance.voice.cached import Outcome, outcome_of
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from appliance.jobs import AnyJob, AnyPart, JobTimes, Role
    from appliance.voice.stages import Answer, Stage


def noted(stages: Stages) -> Stages:
    """The same stages, whose jobs are noted."""
    return Stages(
        Noted("stt", stages.stt),
        Noted("llm", stages.llm),
        Noted("tts", stages.tts),
        Noted("turn", stages.turn),
        Noted("embed", stages.embed) if stages.embed is not None else None,
    )


class Noted:
    """A stage. Outside of a turn or request it costs a look at a context variable."""

    def __init__(self, role: Role, stage: Stage) -> None:
        self._role: Role = role
        self._stage = stage

    @asynccontextmanager
    async def stream(self, job: AnyJob, payload: bytes = b"") -> AsyncIterator[Answer]:
        """Send a job. One that is refused is none."""
        jobs = JOBS.get()
        if jobs is None:
            async with self._stage.stream(job, payload) as answer:
                yield answer
            return
        note = JobNote(
            stage=self._role,
            job=type(job).__name__.lower(),
            priority=getattr(job, "priority", "typed"),
            sent=time.monotonic(),
            audio_seconds=seconds(payload, STT_RATE) if isinstance(job, Understand | Judge | Wake) else 0.0,
        )
        async with self._stage.stream(job, payload) as answer:
            jobs.add(note)
            try:
                yield NotedJob(answer, note)
            finally:
                times = answer.times
                _reached(note, times)
                note.ended = times.ended if times.ended is not None else time.monotonic()


class NotedJob:
    """The parts of an answer; what they say of themselves is noted as they pass."""

    def __init__(self, answer: Answer, note: JobNote) -> None:
        self._answer, self._note = answer, note

    @property
    def times(self) -> JobTimes:
        """When it was sent, begun, answered first, and over."""
        return self._answer.times

    @property
    def outcome(self) -> Outcome:
        """Whether it comes from a cache."""
        return outcome_of(self._answer)

    def __aiter__(self) -> NotedJob:
        return self

    async def __anext__(self) -> tuple[AnyPart, bytes]:
        """The next one."""
        try:
            part, payload = await anext(self._answer)
        except StopAsyncIteration:
            self._over()
            raise
        except ApplianceError:
            self._note.outcome = "failed"
            raise
        _reached(self._note, self._answer.times)  # its story may be told before it is over
        match part:
            case Generated():
                self._note.prompt_tokens, self._note.cached_tokens = part.prompt_tokens, part.cached_tokens
                self._note.completion_tokens = part.completion_tokens
            case Embedding():
                self._note.prompt_tokens += part.tokens
            case Heard():
                self._note.audio_seconds = part.seconds
            case Audio():
                self._note.audio_seconds += part.samples / SPEECH_RATE
            case _:
                pass
        if isinstance(part, LAST):
            self._over()
        return part, payload

    def promote(self) -> None:
        """Somebody listens for it now."""
        self._note.priority = "live"
        self._answer.promote()

    def _over(self) -> None:
        self._note.outcome = "cached" if self.outcome == "hit" else "done"


def _reached(note: JobNote, times: JobTimes) -> None:
    note.sent = times.sent if times.sent is not None else note.sent
    note.began, note.first = times.began, times.first
