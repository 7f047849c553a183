"""A chat that goes on from a conversation, and becomes part of it."""

from __future__ import annotations

from typing import Any

from litestar import Response

from appliance.jobs import AnyPart, Generate, Generated
from appliance.web.box import Box
from appliance.web.chat_stream import ChatStream, answer
from appliance.web.continuing import Continuing
from appliance.web.live import EVENT_STREAM, Live, Write
from appliance.web.replies import Reply
from appliance.web.shortening import opened
from appliance.web.wire_chat import ChatRequest


async def continue_conversation(
    box: Box, data: ChatRequest, asked: Generate, conversation: Continuing
) -> Response[Any]:
    """Write the next message of a conversation. The exchange is on disk before its end is told."""
    job = await conversation.told(asked)
    if data.stream:
        return Live(lambda write: _stream(box, data, asked, job, conversation, write), EVENT_STREAM)
    reply = Reply()
    async with opened(box.stages.llm, job, shorten=True) as (first, parts):
        reply.take(first)
        async for _, part in parts:
            reply.take(part)
    await conversation.keep_chat(asked, reply)
    return Response(answer(box, data, [reply]))


async def _stream(
    box: Box, data: ChatRequest, asked: Generate, job: Generate, conversation: Continuing, write: Write
) -> None:  # fmt: skip
    told, reply, kept = ChatStream(box, data, 1, write), Reply(), False

    async def take(part: AnyPart) -> None:
        nonlocal kept
        reply.take(part)
        if isinstance(part, Generated):
            kept = True
            await conversation.keep_chat(asked, reply)
        await told.tell(0, part)

    try:
        async with opened(box.stages.llm, job, shorten=True) as (first, parts):
            await take(first)
            async for _, part in parts:
                await take(part)
    finally:
        if not kept:
            conversation.keep_broken(asked, reply)
    await told.end()
