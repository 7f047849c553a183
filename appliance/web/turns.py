"""`POST /v1/voice/turns`: the user's audio in, the spoken reply out, so that curl can hold a conversation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import anyio
from anyio import to_thread
from anyio.streams.memory import MemoryObjectSendStream
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body

from appliance.asking import CACHED
from appliance.callers.caller import Caller
from appliance.dialogue.prompt import joined
from appliance.encoding import MEDIA_TYPES, AudioFormat, encoder
from appliance.errors import ApplianceError, from_code, one_error
from appliance.events import ReplyAudio, ReplyText, Transcript, TurnDone, TurnEvent
from appliance.ids import new_id
from appliance.jobs import Sampling
from appliance.store.assistants import NOBODY
from appliance.voice.turn import Turn, take_turn
from appliance.web.assisting import answering
from appliance.web.box import Box
from appliance.web.described import answers
from appliance.web.identity.guard import NEEDS
from appliance.web.live import EVENT_STREAM, Live, Write, event
from appliance.web.tries import turn_of
from appliance.web.wire_citations import citations
from appliance.web.wire_turns import (
    TimingsBody,
    TurnAudioDelta,
    TurnDoneEvent,
    TurnForm,
    TurnStarted,
    TurnTextDelta,
    TurnTranscript,
)

EVENTS = 512
"""Events that may wait for the client: more than a reply has, so that the engines are free early."""


@post(
    "/v1/voice/turns",
    opt={NEEDS: "voice"},
    status_code=200,
    summary="A spoken turn",
    operation_class=answers("audio/*", EVENT_STREAM),
)
async def turns(
    request: Request[Any, Any, Any],
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    data: Annotated[TurnForm, Body(media_type=RequestEncodingType.MULTI_PART)],
) -> Response[Any]:
    """Listen, think and speak. With `Accept: text/event-stream` as events, otherwise as one streamed audio body."""
    box = await answering(box, caller, data.model or "default", aloud=True)
    turn = _turn(box, caller, data, await data.audio.read(), turn_of(request))
    headers = {"x-conversation-id": turn.conversation, "x-turn-id": turn.id}
    if EVENT_STREAM in request.headers.get("accept", ""):
        return Live(lambda write: _events(box, caller, turn, data.response_format, write), EVENT_STREAM, headers)
    return Live(
        lambda write: _audio(box, caller, turn, data.response_format, write),
        MEDIA_TYPES[data.response_format],
        headers,
    )


def _turn(box: Box, caller: Caller, data: TurnForm, audio: bytes, turn: str) -> Turn:
    """What the form leaves open is as the assistant has it, and then as the settings have it.

    The functions of an assistant are not offered: this door has nobody to call them.
    """
    settings, preset = box.settings, box.assistant or NOBODY
    usual = "" if preset.instructions else settings.voice.instructions
    return Turn(
        audio=audio,
        id=turn,
        owner=caller.owner,
        conversation=data.conversation or new_id("conv"),
        history=settings.voice.history_messages,
        instructions=joined(preset.instructions, usual if data.instructions is None else data.instructions),
        voice=box.names.voice(data.voice or preset.voice),
        language=data.language or preset.language or settings.stt.language or None,
        max_seconds=settings.limits.turn_seconds,
        max_reply_tokens=settings.voice.max_reply_tokens,
        temperature=settings.voice.temperature if preset.temperature is None else preset.temperature,
        top_p=Sampling().top_p if preset.top_p is None else preset.top_p,
        remembered=data.store,
    )


async def _audio(box: Box, caller: Caller, turn: Turn, form: AudioFormat, write: Write) -> None:
    encode = await to_thread.run_sync(encoder, form)

    async def tell(happened: TurnEvent) -> None:
        if isinstance(happened, ReplyAudio):
            await write(await to_thread.run_sync(encode.feed, happened.pcm))

    await _take(box, caller, turn, tell)
    await write(await to_thread.run_sync(encode.finish))


async def _events(box: Box, caller: Caller, turn: Turn, form: AudioFormat, write: Write) -> None:
    encode = await to_thread.run_sync(encoder, form)

    async def audio(encoded: bytes) -> None:
        if encoded:
            await send(TurnAudioDelta(audio=encoded))

    async def send(
        body: TurnStarted | TurnTranscript | TurnTextDelta | TurnAudioDelta | TurnDoneEvent,
    ) -> None:
        await write(event(body, name=body.type))

    async def tell(happened: TurnEvent) -> None:
        match happened:
            case Transcript(text=text, language=language):
                await send(TurnStarted(conversation=turn.conversation))
                await send(TurnTranscript(text=text, language=language))
            case ReplyText(delta=delta):
                await send(TurnTextDelta(delta=delta))
            case ReplyAudio(pcm=pcm):
                await audio(await to_thread.run_sync(encode.feed, pcm))
            case TurnDone():
                await audio(await to_thread.run_sync(encode.finish))
                await send(_done(turn, happened))

    await _take(box, caller, turn, tell)


async def _take(box: Box, caller: Caller, turn: Turn, tell: Any) -> None:
    """Run the turn beside the writing of its events, so that a slow client holds up no engine."""
    CACHED.set(turn.remembered)
    with box.lines.take(caller, "turn", turn.conversation), one_error():
        happened, to_tell = anyio.create_memory_object_stream[TurnEvent](EVENTS)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_run, box, turn, happened)
            async with to_tell:
                async for each in to_tell:
                    await tell(each)


async def _run(box: Box, turn: Turn, happened: MemoryObjectSendStream[TurnEvent]) -> None:
    async with happened:
        try:
            await take_turn(turn, box.stages, box.conversations, box.recorder, box.stories, happened.send)
        except ApplianceError as error:
            if error.param != "file":
                raise
            raise from_code(error.code, error.message, "audio") from error  # the field's name at this door


def _done(turn: Turn, done: TurnDone) -> TurnDoneEvent:
    return TurnDoneEvent(
        conversation=turn.conversation,
        transcript=done.transcript,
        text=done.reply,
        audio_seconds=round(done.audio_seconds, 3),
        timings=TimingsBody(**{f"{name}_ms": value for name, value in asdict(done.timings).items()}),
        usage={"prompt_tokens": done.prompt_tokens, "completion_tokens": done.completion_tokens},
        sources=citations(done.sources),
    )
