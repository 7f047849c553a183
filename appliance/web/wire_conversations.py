"""OpenAI's words for conversations, and a few of ours: a title, a search, pages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from appliance.store.listing import MATCHED, Conversation, Page
from appliance.web.wire_conversation_id import ConversationId
from appliance.web.wire_responses import Metadata

MOST_AT_ONCE = 1000
"""Items that can be added in one request."""

Title = Annotated[str, Meta(min_length=1, max_length=200)]
Items = Annotated[list[dict[str, Any]], Meta(max_length=MOST_AT_ONCE)]


class CreateConversation(msgspec.Struct, kw_only=True):
    """Body of `POST /v1/conversations`. `id` and `title` are made up where they are not given."""

    id: ConversationId | None = None
    title: Title | None = None
    metadata: Metadata | None = None
    items: Items | None = None


class ChangeConversation(msgspec.Struct, kw_only=True):
    """What of a conversation can be changed; what is absent stays."""

    title: Title | None = None
    metadata: Metadata | None = None


class AddItems(msgspec.Struct, kw_only=True):
    """Body of `POST /v1/conversations/{id}/items`."""

    items: Items


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """Words around what was searched; `matches` are ranges of its characters."""

    text: str
    matches: list[tuple[int, int]]


class ConversationBody(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation; times in seconds since the epoch."""

    id: str
    created_at: int
    updated_at: int
    title: str
    metadata: dict[str, str]
    snippet: Snippet | UnsetType = UNSET
    object: Literal["conversation"] = "conversation"


class ConversationList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of conversations."""

    data: list[ConversationBody]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation is gone for good."""

    id: str
    object: Literal["conversation.deleted"] = "conversation.deleted"
    deleted: bool = True


def body(conversation: Conversation) -> ConversationBody:
    """A conversation as clients get it."""
    return ConversationBody(
        id=conversation.id,
        created_at=conversation.created_ms // 1000,
        updated_at=conversation.updated_ms // 1000,
        title=conversation.title,
        metadata=dict(conversation.metadata),
        snippet=UNSET if conversation.snippet is None else _snippet(conversation.snippet),
    )


def page_body(page: Page) -> ConversationList:
    """A page as clients get it."""
    data = [body(each) for each in page.conversations]
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    return ConversationList(data=data, first_id=first, last_id=last, has_more=page.more)


def _snippet(marked: str) -> Snippet:
    text, matches = "", []
    for number, piece in enumerate(marked.replace(MATCHED[1], MATCHED[0]).split(MATCHED[0])):
        if number % 2:
            matches.append((len(text), len(text) + len(piece)))
        text += piece
    return Snippet(text=text, matches=matches)
