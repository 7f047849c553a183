"""Stages that need not do twice what they did before: what was spoken, and what was heard in a recording."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from appliance import metrics
from appliance.asking import CACHED
from appliance.jobs import AnyPart, JobTimes, Speak, Transcribe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from appliance.jobs import AnyJob
    from appliance.voice.cache import Cache, Parts
    from appliance.voice.stages import Answer, Stage

MOST_ENTRY_BYTES: Final = 4_000_000
"""A longer answer is not kept: 80 s of speech."""

Outcome = Literal["hit", "miss", "none"]


class Cached:
    """A stage that answers what it has answered before from the cache, whether or not its worker runs."""

    def __init__(self, stage: Stage, cache: Cache) -> None:
        self._stage, self._cache = stage, cache

    @asynccontextmanager
    async def stream(self, job: AnyJob, payload: bytes = b"") -> AsyncIterator[Answer]:
        """Send a job, or take its answer from where it was kept."""
        if not (self._cache.on and CACHED.get()) or not isinstance(job, Speak | Transcribe):
            async with self._stage.stream(job, payload) as answer:
                yield answer
            return
        key, kept = await self._cache.find(job, payload)
        metrics.CACHE.labels(self._cache.purpose, "miss" if kept is None else "hit").inc()
        if kept is not None:
            yield KeptAnswer(kept)
            return
        async with self._stage.stream(job, payload) as answer:
            noted = NotedAnswer(answer, self._cache, key)
            yield noted
        await noted.keep()


class KeptAnswer:
    """The parts of an answer that was kept."""

    outcome: Outcome = "hit"

    def __init__(self, parts: Parts) -> None:
        self._parts = iter(parts)
        self.times = JobTimes(sent=time.monotonic())

    def __aiter__(self) -> KeptAnswer:
        return self

    async def __anext__(self) -> tuple[AnyPart, bytes]:
        """The next one."""
        part = next(self._parts, None)
        now = time.monotonic()
        if part is None:
            self.times = replace(self.times, ended=self.times.ended or now)
            raise StopAsyncIteration
        if self.times.first is None:
            self.times = replace(self.times, first=now)
        return part

    def promote(self) -> None:
        """It does not come sooner."""


class NotedAnswer:
    """An answer whose parts are noted as they pass."""

    outcome: Outcome = "miss"

    def __init__(self, answer: Answer, cache: Cache, key: bytes) -> None:
        self._answer, self._cache, self._key = answer, cache, key
        self._parts: Parts = []
        self._bytes = 0
        self._complete = False

    @property
    def times(self) -> JobTimes:
        """When the job got how far."""
        return self._answer.times

    def __aiter__(self) -> NotedAnswer:
        return self

    async def __anext__(self) -> tuple[AnyPart, bytes]:
        """The next one."""
        try:
            part, payload = await anext(self._answer)
        except StopAsyncIteration:
            self._complete = True
            raise
        self._bytes += len(payload) + 64
        if self._bytes <= MOST_ENTRY_BYTES:
            self._parts.append((part, payload))
        return part, payload

    def promote(self) -> None:
        """Somebody listens for it now."""
        self._answer.promote()

    async def keep(self) -> None:
        """Keep it, if it came whole and is not too long."""
        if self._complete and self._bytes <= MOST_ENTRY_BYTES:
            await self._cache.keep(self._key, self._parts)


def outcome_of(answer: Answer) -> Outcome:
    """Whether an answer came from a cache."""
    outcome: Outcome = getattr(answer, "outcome", "none")
    return outcome
