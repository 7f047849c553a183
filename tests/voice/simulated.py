"""Four stages without models, in virtual time. The user's audio is a level for each thing that is said."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

import anyio
import numpy as np

from appliance.errors import RequestError
from appliance.jobs import (
    DETECT_SAMPLES,
    SPEECH_RATE,
    Arguments,
    Audio,
    Called,
    Detect,
    Detected,
    Generate,
    Generated,
    JobTimes,
    Judge,
    Judged,
    Mark,
    Prepare,
    Prepared,
    Speak,
    Token,
    Understand,
    Understood,
    Wake,
    Woken,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from appliance.errors import ApplianceError
    from appliance.jobs import AnyJob, AnyPart

SECONDS_A_WORD = 0.3
QUIET = 500
"""Samples below this level are silence."""


class Answering:
    """Parts of an answer; knows whether it was promoted. With a `death` it ends after so many of them."""

    def __init__(self, parts: AsyncIterator[tuple[AnyPart, bytes]], death: tuple[int, ApplianceError] | None) -> None:
        self._parts, self._death, self.promoted = parts, death, False
        self._count = 0

    times = JobTimes()

    def __aiter__(self) -> Answering:
        return self

    async def __anext__(self) -> tuple[AnyPart, bytes]:
        if self._death is not None and self._count == self._death[0]:
            await anyio.sleep(0.02)
            raise self._death[1]
        self._count += 1
        return await anext(self._parts)

    def promote(self) -> None:
        self.promoted = True


class Simulated:
    """One stage: `jobs` has all it was asked, `open` how many it works on.

    `failing` is what the next ones are refused with, `dying` what the next ones end with
    that were taken, and after how many parts.
    """

    def __init__(self, work: Callable[[Any, bytes], AsyncIterator[tuple[AnyPart, bytes]]]) -> None:
        self._work = work
        self.jobs: list[Any] = []
        self.answers: list[Answering] = []
        self.open = self.unfinished = 0
        self.failing: list[ApplianceError] = []
        self.dying: list[tuple[int, ApplianceError]] = []

    @asynccontextmanager
    async def stream(self, job: AnyJob, payload: bytes = b"") -> AsyncIterator[Answering]:
        self.jobs.append(job)
        if self.failing:
            raise self.failing.pop(0)
        self.open += 1
        parts = self._work(job, payload)
        answer = Answering(parts, self.dying.pop(0) if self.dying else None)
        self.answers.append(answer)
        try:
            yield answer
        finally:
            self.open -= 1
            with anyio.CancelScope(shield=True):
                await parts.aclose()  # type: ignore[attr-defined]

    def asked(self, kind: type) -> list[Any]:
        """Jobs of a kind."""
        return [job for job in self.jobs if isinstance(job, kind)]


class World:
    """What is said, and what is answered."""

    def __init__(self) -> None:
        self.levels: dict[int, str] = {}
        self.replies: list[str | Call] = []
        self.clause_seconds = 0.05
        """What the voice needs before its first sound."""
        self.wake_words: dict[int, str] = {}
        """By the level that stands for each."""
        self.ends: list[float] = []
        """What the judge says, one after another; 0.95 beyond."""
        self.reading_seconds = 0.0
        """What the model needs to read a conversation ahead."""
        self.reading = self.most_reading = 0
        """How many are read ahead now, and were at most."""
        self.look_seconds = 0.1
        """What it takes to understand what is not over yet."""
        self.looks = 0
        """How many such are waited for."""
        self.context = 1_000_000
        """Characters that a prompt and the room for its reply may have."""
        self.stt = Simulated(self._understand)
        self.llm = Simulated(self._generate)
        self.tts = Simulated(self._speak)
        self.turn = Simulated(self._notice)

    def level(self, words: str) -> int:
        """The level that stands for these words."""
        level = 2000 + 300 * len(self.levels)
        self.levels[level] = words
        return level

    async def _notice(self, job: Detect | Judge | Wake, payload: bytes) -> AsyncIterator[tuple[AnyPart, bytes]]:
        if isinstance(job, Wake):
            loud = np.abs(np.frombuffer(payload, dtype="<i2").astype(int))
            said = [name for level, name in self.wake_words.items() if np.count_nonzero(np.abs(loud - level) < 100)]
            yield Woken(name=next((name for name in said if name in job.names), None)), b""
            return
        if isinstance(job, Judge):
            await anyio.sleep(0.05)
            yield Judged(probability=self.ends.pop(0) if self.ends else 0.95), b""
            return
        await anyio.sleep(0.001)
        samples = np.frombuffer(payload[job.state :], dtype="<i2").reshape(-1, DETECT_SAMPLES)
        yield Detected(probabilities=[0.95 if np.abs(each).max() > QUIET else 0.02 for each in samples]), b"state"

    async def _understand(self, job: Understand, payload: bytes) -> AsyncIterator[tuple[AnyPart, bytes]]:
        if job.priority == "background":
            self.looks += 1
            try:
                await anyio.sleep(self.look_seconds)
            finally:
                self.looks -= 1
        else:
            await anyio.sleep(0.1)
        samples = np.frombuffer(payload, dtype="<i2").astype(int)
        loud = samples[samples > QUIET]
        heard = [level for level in self.levels if np.count_nonzero(np.abs(loud - level) < 100) > 1000]
        text = " ".join(self.levels[level] for level in heard)
        if job.priority == "background":  # a look at what is not over yet
            words = text.split()
            text = " ".join(words[: max(1, int(loud.size / 16_000 / SECONDS_A_WORD))])
        yield Understood(text=text, language="en", language_probability=1.0), b""

    async def _generate(self, job: Generate | Prepare, _payload: bytes) -> AsyncIterator[tuple[AnyPart, bytes]]:
        await anyio.sleep(0.05)
        room = job.room if isinstance(job, Generate) else 0
        if sum(len(message.content) for message in job.messages) + room > self.context:
            raise RequestError("too long", code="context_length_exceeded")
        if isinstance(job, Prepare):
            self.reading += 1
            self.most_reading = max(self.reading, self.most_reading)
            try:
                await anyio.sleep(self.reading_seconds)
            finally:
                self.reading -= 1
            yield Prepared(prompt_tokens=10, cached_tokens=0), b""
            return
        reply = self.replies.pop(0) if self.replies else "I heard you."
        if isinstance(reply, Call):
            yield Called(index=0, id=reply.id, name=reply.name), b""
            yield Arguments(index=0, text=reply.arguments), b""
            yield Generated(finish_reason=reply.finish, prompt_tokens=10, completion_tokens=4), b""
            return
        words = reply.split(" ")
        for number, word in enumerate(words):
            await anyio.sleep(0.01)
            yield Token(text=word if number == 0 else f" {word}"), b""
        yield Generated(finish_reason="stop", prompt_tokens=10, completion_tokens=len(words)), b""

    async def _speak(self, job: Speak, _payload: bytes) -> AsyncIterator[tuple[AnyPart, bytes]]:
        await anyio.sleep(self.clause_seconds)
        place = said = 0
        for word in job.text.split():
            start = job.text.index(word, place)
            place = start + len(word)
            count = int(SPEECH_RATE * SECONDS_A_WORD)
            said += count
            yield Audio(samples=count, marks=[Mark(start, place, said)]), bytes(count * 2)


class Call:
    """A reply that calls a tool."""

    def __init__(
        self, call_id: str, name: str, arguments: str, finish: Literal["tool_calls", "length"] = "tool_calls"
    ) -> None:
        self.id, self.name, self.arguments = call_id, name, arguments
        self.finish: Literal["tool_calls", "length"] = finish
