"""The answer to a chat, whole or chunk by chunk."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from msgspec import UNSET

from appliance.jobs import AnyPart, Generated
from appliance.web.assisting import named
from appliance.web.box import Box
from appliance.web.live import Write, event
from appliance.web.replies import Chunks, Reply
from appliance.web.wire_chat import ChatRequest
from appliance.web.wire_generation import DONE, fingerprint, usage
from appliance.web.wire_replies import ChatAnswer, ChatChunk


class ChatStream:
    """The chunks of `count` replies."""

    def __init__(self, box: Box, data: ChatRequest, count: int, write: Write) -> None:
        self._head, self._write = _head(box, data), write
        self._chunks = [Chunks(number) for number in range(count)]
        self._include_usage = data.include_usage
        self._ends: list[Generated] = []

    async def tell(self, number: int, part: AnyPart) -> None:
        """The next part of a reply."""
        nothing = None if self._include_usage else UNSET
        choices = self._chunks[number].feed(part)
        chunks = [ChatChunk(**self._head, choices=[choice], usage=nothing) for choice in choices]
        await self._write(b"".join(map(event, chunks)))
        if isinstance(part, Generated):
            self._ends.append(part)

    async def end(self) -> None:
        """All replies are over."""
        if self._include_usage:
            figures = usage(self._ends, len(self._chunks))
            await self._write(event(ChatChunk(**self._head, choices=[], usage=figures)))
        await self._write(DONE)


def answer(box: Box, data: ChatRequest, replies: Sequence[Reply]) -> ChatAnswer:
    """All replies at once."""
    choices = [reply.choice(number, logprobs=bool(data.logprobs)) for number, reply in enumerate(replies)]
    ends = [reply.end for reply in replies if reply.end is not None]
    return ChatAnswer(**_head(box, data), choices=choices, usage=usage(ends, len(replies)))


def _head(box: Box, data: ChatRequest) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "created": int(time.time()),
        "model": named(box, data.model),
        "system_fingerprint": fingerprint(box.names.llm, box.settings.llm),
        "service_tier": UNSET if data.service_tier is None else data.service_tier,
    }
