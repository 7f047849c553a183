"""From a prompt to a spoken reply: tokens to clauses to audio, each passed on as soon as it is there.

The first audio leaves while the model still writes. Whoever cancels the surrounding scope stops everything: both
stages abort their jobs on the way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio
from msgspec import structs

from appliance.audio import seconds
from appliance.dialogue.clauses import Clauses
from appliance.dialogue.spoken_text import SpokenText
from appliance.errors import one_error
from appliance.events import (
    ReplyArguments,
    ReplyAudio,
    ReplyCall,
    ReplyClause,
    ReplyText,
    ReplyWritten,
)
from appliance.jobs import SPEECH_RATE, Arguments, Audio, Called, Generated, Speak, Token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from appliance.events import ReplyEvent, Stopwatch
    from appliance.jobs import Generate, Priority, Source
    from appliance.voice.stages import Answer, Stages

    Emit = Callable[[ReplyEvent], Awaitable[None]]

MOST_CLAUSES: Final = 256
"""Clauses that may wait for the voice. The reply's token limit comes first: the model never waits for the voice."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a reply is spoken; None is the default voice. `spoken` False: it is only written."""

    voice: str | None = None
    speed: float = 1.0
    spoken: bool = True


@dataclass(slots=True)
class Reply:
    """What has become of the reply so far."""

    text: str = ""
    audio_seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    sources: Sequence[Source] = ()


class Responder:
    """One reply. `watch` notes when each stage first has something."""

    def __init__(self, stages: Stages, emit: Emit, watch: Stopwatch, manner: Manner) -> None:
        self._stages, self._emit, self._watch, self._manner = stages, emit, watch, manner
        self._priority: Priority = "live"
        self._promoted = False
        self._answers: set[Answer] = set()
        self.reply = Reply()

    async def respond(self, job: Generate) -> None:
        """Think and speak at once. Raises the first error of either."""
        if self._promoted:
            job = structs.replace(job, priority="live")
        self._priority = job.priority
        clauses, to_speak = anyio.create_memory_object_stream[ReplyClause](MOST_CLAUSES)
        with one_error():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._think, job, clauses)
                tasks.start_soon(self._speak, to_speak)

    def promote(self) -> None:
        """Somebody listens now: what is under way, and all that follows, is live."""
        self._priority, self._promoted = "live", True
        for answer in self._answers:
            answer.promote()

    async def _think(self, job: Generate, out: MemoryObjectSendStream[ReplyClause]) -> None:
        clauses, spoken = Clauses(phrases=True), SpokenText()
        async with out, self._stages.llm.stream(job) as parts:
            self._answers.add(parts)
            async for part, _ in parts:
                match part:
                    case Token(text=text):
                        self._mark("first_token")
                        self.reply.text += text
                        await self._emit(ReplyText(text))
                        for clause in clauses.feed(text):
                            await self._pass_on(clause, spoken, out)
                    case Called():
                        await self._emit(ReplyCall(part.index, part.id, part.name))
                    case Arguments():
                        await self._emit(ReplyArguments(part.index, part.text))
                    case Generated() as done:
                        self.reply.prompt_tokens = done.prompt_tokens
                        self.reply.completion_tokens = done.completion_tokens
                        self.reply.sources = tuple(done.sources)
                        counts = (done.prompt_tokens, done.completion_tokens, done.cached_tokens)
                        await self._emit(ReplyWritten(done.finish_reason, *counts, self.reply.sources))
                    case _:
                        pass  # thoughts are not for the ear
            self._answers.discard(parts)
            for clause in clauses.finish():
                await self._pass_on(clause, spoken, out)
            self._mark("reply")

    async def _pass_on(self, clause: str, spoken: SpokenText, out: MemoryObjectSendStream[ReplyClause]) -> None:
        if self._manner.spoken:
            await out.send(ReplyClause(clause, spoken.speakable(clause)))

    async def _speak(self, clauses: MemoryObjectReceiveStream[ReplyClause]) -> None:
        async with clauses:
            async for clause in clauses:
                await self._emit(clause)
                if clause.spoken:
                    self._mark("first_clause")
                    await self._say(clause.spoken)

    async def _say(self, words: str) -> None:
        manner = self._manner
        job = Speak(text=words, voice=manner.voice, speed=manner.speed, split=False, priority=self._priority)
        async with self._stages.tts.stream(job) as parts:
            self._answers.add(parts)
            async for part, pcm in parts:
                if isinstance(part, Audio):
                    self._mark("first_audio")
                    self.reply.audio_seconds += seconds(pcm, SPEECH_RATE)
                    await self._emit(ReplyAudio(pcm, part.marks))
            self._answers.discard(parts)

    def _mark(self, name: str) -> None:
        self._watch.mark(name, anyio.current_time())
