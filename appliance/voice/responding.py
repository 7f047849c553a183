"""From a prompt to a spoken reply: tokens to clauses to audio, each passed on as soon as it is there.

The first audio leaves while the model still writes. Whoever cancels the surrounding scope stops everything: both
stages abort their jobs on the way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio

from appliance.audio import SAMPLE_BYTES
from appliance.dialogue.clauses import Clauses
from appliance.dialogue.spoken_text import speakable
from appliance.errors import one_error
from appliance.events import ReplyAudio, ReplyText
from appliance.jobs import SPEECH_RATE, Audio, Generated, Speak, Token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from appliance.events import Stopwatch, TurnEvent
    from appliance.jobs import Generate
    from appliance.voice.stages import Stages

    Emit = Callable[[TurnEvent], Awaitable[None]]

MOST_CLAUSES: Final = 256
"""Clauses that may wait for the voice. The reply's token limit comes first: the model never waits for the voice."""


@dataclass(slots=True)
class Reply:
    """What has become of the reply so far."""

    text: str = ""
    audio_seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Responder:
    """One reply. `watch` notes when each stage first has something."""

    def __init__(self, stages: Stages, emit: Emit, watch: Stopwatch, voice: str | None) -> None:
        self._stages, self._emit, self._watch, self._voice = stages, emit, watch, voice
        self.reply = Reply()

    async def respond(self, job: Generate) -> None:
        """Think and speak at once. Raises the first error of either."""
        clauses, to_speak = anyio.create_memory_object_stream[str](MOST_CLAUSES)
        with one_error():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._think, job, clauses)
                tasks.start_soon(self._speak, to_speak)

    async def _think(self, job: Generate, out: MemoryObjectSendStream[str]) -> None:
        clauses = Clauses()
        async with out, self._stages.llm.stream(job) as parts:
            async for part, _ in parts:
                if isinstance(part, Token):
                    self._mark("first_token")
                    self.reply.text += part.text
                    await self._emit(ReplyText(part.text))
                    for clause in clauses.feed(part.text):
                        await self._pass_on(clause, out)
                elif isinstance(part, Generated):
                    self.reply.prompt_tokens = part.prompt_tokens
                    self.reply.completion_tokens = part.completion_tokens
            for clause in clauses.finish():
                await self._pass_on(clause, out)
            self._mark("reply")

    async def _pass_on(self, clause: str, out: MemoryObjectSendStream[str]) -> None:
        if speakable(clause):
            self._mark("first_clause")
            await out.send(clause)

    async def _speak(self, clauses: MemoryObjectReceiveStream[str]) -> None:
        async with clauses:
            async for clause in clauses:
                async with self._stages.tts.stream(Speak(text=clause, voice=self._voice, split=False)) as parts:
                    async for part, pcm in parts:
                        if isinstance(part, Audio):
                            self._mark("first_audio")
                            self.reply.audio_seconds += len(pcm) / SAMPLE_BYTES / SPEECH_RATE
                            await self._emit(ReplyAudio(pcm))

    def _mark(self, name: str) -> None:
        self._watch.mark(name, anyio.current_time())
