"""One spoken turn: the user's audio in, transcript, reply text and reply audio out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from appliance import metrics
from appliance.dialogue import prompt
from appliance.events import ReplyAudio, Stopwatch, Transcript, TurnDone
from appliance.ids import new_id
from appliance.jobs import Generate, Sampling, Transcribe
from appliance.store.conversations import Addition
from appliance.store.items import Item
from appliance.voice.listening import transcribe
from appliance.voice.recorder import Place, Recording
from appliance.voice.responding import Manner, Responder
from appliance.voice.stories import TurnStory
from appliance.voice.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from appliance.events import TurnEvent
    from appliance.store.conversations import Conversations
    from appliance.store.items import Status
    from appliance.store.owners import Owner
    from appliance.story import Door
    from appliance.voice.recorder import Recorder
    from appliance.voice.responding import Reply
    from appliance.voice.stages import Stages
    from appliance.voice.stories import Stories

    Emit = Callable[[TurnEvent], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user sent, and how it is to be answered."""

    id: str
    """The same for each try of it: what was remembered of an earlier one is replaced."""
    audio: bytes
    owner: Owner
    conversation: str
    history: int
    """Earlier items of the conversation that the model sees again."""
    instructions: str
    voice: str | None
    language: str | None
    max_seconds: float
    max_reply_tokens: int
    temperature: float
    top_p: float = Sampling().top_p
    remembered: bool = True
    words: str | None = None
    """What the user said, where that is known already: there is no `audio` then."""
    spoken: bool = True
    """Whether the reply is said aloud, and not only written."""
    door: Door = "turns"


async def take_turn(
    turn: Turn, stages: Stages, conversations: Conversations, recorder: Recorder, stories: Stories, emit: Emit
) -> None:  # fmt: skip
    """Answer one turn through `emit`.

    One that is to be remembered is on disk before `TurnDone`. What was said by then is remembered even if the client
    leaves midway. Its sound follows, where the recorder keeps it. Its story is told whatever becomes of it.
    """
    watch = Stopwatch(anyio.current_time())
    with TurnStory(stories, turn, watch) as story:
        await _take(turn, stages, conversations, recorder, watch, story, emit)


async def _take(
    turn: Turn, stages: Stages, conversations: Conversations, recorder: Recorder, watch: Stopwatch, story: TurnStory,
    emit: Emit,
) -> None:  # fmt: skip
    tape = Tape()

    async def tell(event: TurnEvent) -> None:
        if recorder.on and isinstance(event, ReplyAudio):
            tape.add(event.pcm)
        await emit(event)

    if turn.words is None:
        job = Transcribe(language=turn.language, max_seconds=turn.max_seconds)
        transcription = await transcribe(stages.stt, job, turn.audio)
        words, story.heard_seconds = transcription.text, transcription.heard.seconds
        watch.mark("transcript", anyio.current_time())
        await emit(Transcript(words, transcription.heard.language))
    else:
        words = turn.words

    history = await conversations.history(turn.owner, turn.conversation, turn.history, turn=turn.id)
    responder = Responder(stages, tell, watch, Manner(turn.voice, spoken=turn.spoken))
    reply = responder.reply
    generate = Generate(
        messages=prompt.build(turn.instructions, history, words),
        max_tokens=turn.max_reply_tokens,
        sampling=Sampling(temperature=turn.temperature, top_p=turn.top_p),
        thinking=False,
        priority="live",
    )
    complete, writing = False, None
    try:
        await responder.respond(generate)
        complete = True
    finally:
        watch.mark("done", anyio.current_time())
        story.spoken_seconds = reply.audio_seconds
        if turn.remembered and (
            complete or reply.text.strip()
        ):  # a turn that failed before its first word is not part of what was said
            said = _said(turn, words, reply, watch, complete=complete)
            writing = conversations.add(turn.owner, turn.conversation, Addition(items=said))
            asked, answered = (Place(turn.owner, turn.conversation, item.id) for item in said)
            if turn.words is None:
                recorder.keep(asked, Recording(turn.audio, turn.max_seconds))
            if turn.spoken:
                recorder.keep(answered, tape.sound())
    if writing is not None:
        await writing.done()
    if (telling := story.tell("completed")) is not None:
        await telling.done()
    metrics.turn_timed(turn.door, watch.marks)
    await emit(
        TurnDone(
            words,
            reply.text.strip(),
            reply.audio_seconds,
            watch.timings(),
            reply.prompt_tokens,
            reply.completion_tokens,
            reply.sources,
        )
    )


def _said(turn: Turn, words: str, reply: Reply, watch: Stopwatch, *, complete: bool) -> list[Item]:
    status: Status = "completed" if complete else "incomplete"
    return [
        Item(id=new_id("item"), turn=turn.id, role="user", words=words, aloud=turn.words is None),
        Item(
            id=new_id("item"),
            turn=turn.id,
            role="assistant",
            status=status,
            words=reply.text,
            aloud=turn.spoken,
            sources=reply.sources,
            timings=dict(watch.marks),
        ),
    ]
