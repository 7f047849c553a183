"""`POST /v1/chat/completions`: messages in, a reply out, streamed or whole."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from appliance.errors import InternalError
from appliance.jobs import AnyPart, Generate, Generated, Token
from appliance.web.box import Box
from appliance.web.live import EVENT_STREAM, Live, Write, event
from appliance.web.wire_chat import (
    AnswerMessage,
    ChatAnswer,
    ChatChunk,
    ChatRequest,
    Choice,
    ChunkChoice,
    Delta,
    Usage,
)

DONE = b"data: [DONE]\n\n"


@post("/v1/chat/completions", status_code=200, summary="Chat")
async def chat_completions(box: NamedDependency[Box], data: JSONBody[ChatRequest]) -> Response[Any]:
    """Write the assistant's next message."""
    box.names.check_model("llm", data.model)
    data.refuse_unsupported()
    job = Generate(
        messages=[message.plain(number) for number, message in enumerate(data.messages)],
        max_tokens=data.max_completion_tokens or data.max_tokens,
        temperature=0.7 if data.temperature is None else data.temperature,
        top_p=0.95 if data.top_p is None else data.top_p,
        seed=data.seed,
        stop=[data.stop] if isinstance(data.stop, str) else data.stop or [],
    )
    if data.stream:
        include_usage = data.stream_options is not None and data.stream_options.include_usage
        return Live(lambda write: _stream(box, job, write, include_usage=include_usage), EVENT_STREAM)
    text = ""
    async with box.stages.llm.stream(job) as parts:
        async for part in _parts(parts):
            if isinstance(part, Token):
                text += part.text
            else:
                choice = Choice(message=AnswerMessage(content=text), finish_reason=part.finish_reason)
                answer = ChatAnswer(**_head(box), choices=[choice], usage=_usage(part))
                return Response(answer)
    raise InternalError("The thinking stage ended without an end.")


async def _stream(box: Box, job: Generate, write: Write, *, include_usage: bool) -> None:
    head = _head(box)
    first = True
    async with box.stages.llm.stream(job) as parts:
        async for part in _parts(parts):
            if first:
                first = False
                await write(event(ChatChunk(**head, choices=[ChunkChoice(delta=Delta(role="assistant", content=""))])))
            if isinstance(part, Token):
                await write(event(ChatChunk(**head, choices=[ChunkChoice(delta=Delta(content=part.text))])))
                continue
            last = ChunkChoice(delta=Delta(), finish_reason=part.finish_reason)
            await write(event(ChatChunk(**head, choices=[last])))
            if include_usage:
                await write(event(ChatChunk(**head, choices=[], usage=_usage(part))))
    await write(DONE)


async def _parts(parts: AsyncIterator[tuple[AnyPart, bytes]]) -> AsyncIterator[Token | Generated]:
    async for part, _ in parts:
        if isinstance(part, Token | Generated):
            yield part


def _head(box: Box) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid4().hex}", "created": int(time.time()), "model": box.names.llm}


def _usage(part: Generated) -> Usage:
    return Usage(part.prompt_tokens, part.completion_tokens, part.prompt_tokens + part.completion_tokens)
