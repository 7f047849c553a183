"""`POST /v1/chat/completions`: messages in, replies out, streamed or whole."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import UNSET

from appliance.jobs import Generate, Generated
from appliance.web.box import Box
from appliance.web.choices import check_count, side_by_side
from appliance.web.live import EVENT_STREAM, Live, Write, event
from appliance.web.replies import Chunks, Reply
from appliance.web.wire_chat import ChatRequest
from appliance.web.wire_generation import DONE, fingerprint, usage
from appliance.web.wire_replies import ChatAnswer, ChatChunk


@post("/v1/chat/completions", status_code=200, summary="Chat")
async def chat_completions(box: NamedDependency[Box], data: JSONBody[ChatRequest]) -> Response[Any]:
    """Write the assistant's next message."""
    box.names.check_model("llm", data.model_name)
    jobs = data.jobs()
    check_count(len(jobs), box.settings.llm.queue, "n")
    if data.stream:
        return Live(lambda write: _stream(box, data, jobs, write), EVENT_STREAM)
    replies = [Reply() for _ in jobs]
    async with side_by_side(box.stages.llm, jobs) as parts:
        async for number, part in parts:
            replies[number].take(part)
    choices = [reply.choice(number, logprobs=bool(data.logprobs)) for number, reply in enumerate(replies)]
    ends = [reply.end for reply in replies if reply.end is not None]
    return Response(ChatAnswer(**_head(box, data), choices=choices, usage=usage(ends, len(jobs))))


async def _stream(box: Box, data: ChatRequest, jobs: list[Generate], write: Write) -> None:
    head = _head(box, data)
    replies = [Chunks(number) for number in range(len(jobs))]
    nothing = None if data.include_usage else UNSET
    ends = []
    async with side_by_side(box.stages.llm, jobs) as parts:
        async for number, part in parts:
            chunks = [ChatChunk(**head, choices=[choice], usage=nothing) for choice in replies[number].feed(part)]
            await write(b"".join(map(event, chunks)))
            if isinstance(part, Generated):
                ends.append(part)
    if data.include_usage:
        await write(event(ChatChunk(**head, choices=[], usage=usage(ends, len(jobs)))))
    await write(DONE)


def _head(box: Box, data: ChatRequest) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "created": int(time.time()),
        "model": box.names.llm,
        "system_fingerprint": fingerprint(box.names.llm, box.settings.llm),
        "service_tier": UNSET if data.service_tier is None else data.service_tier,
    }
