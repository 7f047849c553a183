"""A whole conversation as a file, written page by page, so that a long one needs no memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec

from appliance.store.conversations import Conversations
from appliance.store.items import Item
from appliance.store.listing import Conversation
from appliance.store.owners import Owner
from appliance.web.kept_items import shown
from appliance.web.live import Write
from appliance.web.wire_conversations import body

PAGE = 200
SPEAKERS = {"system": "Instructions", "user": "User", "assistant": "Assistant"}


async def exported_json(conversations: Conversations, owner: Owner, conversation: Conversation, write: Write) -> None:
    """One object: `conversation`, its `items`, and by a reply's id its `timings` in milliseconds."""
    await write(b'{"conversation":' + msgspec.json.encode(body(conversation)) + b',"items":[')
    timings: dict[str, object] = {}
    first = True
    async for item in _all(conversations, owner, conversation.id):
        if item.timings:
            timings[item.id] = item.timings
        await write((b"" if first else b",") + msgspec.json.encode(shown(item)))
        first = False
    await write(b'],"timings":' + msgspec.json.encode(timings) + b"}")


async def exported_markdown(
    conversations: Conversations, owner: Owner, conversation: Conversation, write: Write
) -> None:  # fmt: skip
    """A heading, and a paragraph for each item."""
    await write(f"# {' '.join((conversation.title or conversation.id).split())}\n\n{_day(conversation)}\n".encode())
    async for item in _all(conversations, owner, conversation.id):
        if text := _paragraph(item):
            await write(f"\n{text}\n".encode())


def _day(conversation: Conversation) -> str:
    begun = datetime.fromtimestamp(conversation.created_ms / 1000, UTC)
    return f"{begun:%Y-%m-%d %H:%M} UTC"


def _paragraph(item: Item) -> str:
    match item.kind:
        case "message":
            broken = " *(interrupted)*" if item.status == "incomplete" else ""
            return f"**{SPEAKERS[item.role]}:** {item.words}{broken}" if item.words or broken else ""
        case "function_call":
            return f"**Assistant calls `{item.name}`:** `{item.text}`"
        case "function_call_output":
            return f"**Result:** `{item.text}`"
        case "reasoning":
            return ""


async def _all(conversations: Conversations, owner: Owner, conversation: str) -> AsyncIterator[Item]:
    after, more = None, True
    while more:
        items, more = await conversations.items(owner, conversation, after=after, limit=PAGE, newest_first=False)
        for item in items:
            after = item.id
            yield item
