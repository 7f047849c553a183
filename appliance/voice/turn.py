"""One spoken turn: the user's audio in, transcript, reply text and reply audio out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from appliance import metrics
from appliance.dialogue import prompt
from appliance.events import Stopwatch, Transcript, TurnDone
from appliance.jobs import Generate, Sampling, Transcribe
from appliance.voice.listening import transcribe
from appliance.voice.responding import Manner, Responder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from appliance.events import TurnEvent
    from appliance.store.conversations import Conversations
    from appliance.voice.stages import Stages

    Emit = Callable[[TurnEvent], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user sent, and how it is to be answered."""

    audio: bytes
    conversation: str
    instructions: str
    voice: str | None
    language: str | None
    max_seconds: float
    max_reply_tokens: int
    temperature: float


async def take_turn(turn: Turn, stages: Stages, conversations: Conversations, emit: Emit) -> None:
    """Answer one turn through `emit`. What was said by then is remembered even if the client leaves midway."""
    watch = Stopwatch(anyio.current_time())
    job = Transcribe(language=turn.language, max_seconds=turn.max_seconds)
    transcription = await transcribe(stages.stt, job, turn.audio)
    words = transcription.text
    watch.mark("transcript", anyio.current_time())
    await emit(Transcript(words, transcription.heard.language))

    messages = prompt.build(turn.instructions, conversations.history(turn.conversation), words)
    responder = Responder(stages, emit, watch, Manner(turn.voice))
    reply = responder.reply
    try:
        await responder.respond(
            Generate(
                messages=messages,
                max_tokens=turn.max_reply_tokens,
                sampling=Sampling(temperature=turn.temperature),
                thinking=False,
                priority="live",
            )
        )
    finally:
        if reply.text.strip():  # a turn that failed before its first word is not part of what was said
            conversations.append(turn.conversation, words, reply.text)
    watch.mark("done", anyio.current_time())
    for name, milliseconds in watch.marks.items():
        metrics.TURN_SECONDS.labels(name).observe(milliseconds / 1000)
    await emit(
        TurnDone(
            words,
            reply.text.strip(),
            reply.audio_seconds,
            watch.timings(),
            reply.prompt_tokens,
            reply.completion_tokens,
        )
    )
