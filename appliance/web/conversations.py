"""`/v1/conversations`: what was said, to find it, to go on from it, to take it along, and to delete it for good."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from appliance.callers.caller import Caller
from appliance.errors import RequestError
from appliance.web.box import Box
from appliance.web.conversation_items import new_items
from appliance.web.described import answers
from appliance.web.exporting import exported_json, exported_markdown
from appliance.web.identity.guard import NEEDS
from appliance.web.live import Live
from appliance.web.wire_conversations import (
    ChangeConversation,
    ConversationBody,
    ConversationList,
    CreateConversation,
    Deleted,
    body,
    page_body,
)

HISTORY = {NEEDS: "history"}
MOST_QUERY = 200
"""Characters of a search."""


@post("/v1/conversations", opt=HISTORY, status_code=200, summary="Begin a conversation")
async def create_conversation(
    box: NamedDependency[Box], caller: NamedDependency[Caller], data: JSONBody[CreateConversation]
) -> ConversationBody:
    """A conversation with the items that are given. Chats, responses, spoken turns and live ones can go on from it."""
    begun = await box.conversations.begin(
        caller.owner, data.id, title=data.title or "", metadata=data.metadata, items=new_items(data.items or [])
    )
    return body(begun)


@get("/v1/conversations", opt=HISTORY, summary="Conversations, and a search in them")
async def list_conversations(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    words: Annotated[str, QueryParameter(name="query")] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    after: FromQuery[str | None] = None,
) -> ConversationList:
    """Those used last first. With `query` only those in which all of these words were said, or that are called so."""
    if len(words) > MOST_QUERY:
        raise RequestError(f"A query has at most {MOST_QUERY} characters.", param="query")
    return page_body(await box.conversations.page(caller.owner, after=after, limit=limit, words=words))


@get("/v1/conversations/{conversation:str}", opt=HISTORY, summary="One conversation")
async def get_conversation(
    box: NamedDependency[Box], caller: NamedDependency[Caller], conversation: FromPath[str]
) -> ConversationBody:
    """One conversation by its id."""
    return body(await box.conversations.get(caller.owner, conversation))


@patch("/v1/conversations/{conversation:str}", opt=HISTORY, summary="Rename a conversation")
async def change_conversation(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    conversation: FromPath[str],
    data: JSONBody[ChangeConversation],
) -> ConversationBody:
    """Give it another title, other metadata, or both."""
    return await _changed(box, caller, conversation, data)


@post("/v1/conversations/{conversation:str}", opt=HISTORY, status_code=200, summary="Change a conversation")
async def update_conversation(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    conversation: FromPath[str],
    data: JSONBody[ChangeConversation],
) -> ConversationBody:
    """The same under the name that OpenAI's clients know."""
    return await _changed(box, caller, conversation, data)


async def _changed(box: Box, caller: Caller, conversation: str, data: ChangeConversation) -> ConversationBody:
    return body(
        await box.conversations.change(caller.owner, conversation, title=data.title, metadata=data.metadata)
    )  # fmt: skip


@delete("/v1/conversations/{conversation:str}", opt=HISTORY, status_code=200, summary="Delete a conversation")
async def delete_conversation(
    box: NamedDependency[Box], caller: NamedDependency[Caller], conversation: FromPath[str]
) -> Deleted:
    """For good, with everything that was said in it. Who still speaks in it is ended first (`session_ended`)."""
    await box.lines.leave(caller, conversation)
    await box.conversations.settled()
    await box.conversations.delete(caller.owner, conversation)
    box.audit.note(caller.actor, "conversation deleted", conversation, caller.address)
    return Deleted(id=conversation)


@get(
    "/v1/conversations/{conversation:str}/export",
    opt=HISTORY,
    summary="A whole conversation to take along",
    operation_class=answers("application/json", "text/markdown"),
)
async def export_conversation(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    conversation: FromPath[str],
    format: FromQuery[Literal["json", "markdown"]] = "json",  # noqa: A002 - the parameter's name
) -> Response[Any]:
    """As JSON, or as Markdown for people."""
    found = await box.conversations.get(caller.owner, conversation)
    ending, kind, write_to = (
        ("json", "application/json", exported_json)
        if format == "json"
        else ("md", "text/markdown; charset=utf-8", exported_markdown)
    )
    headers = {"content-disposition": f'attachment; filename="{conversation}.{ending}"'}
    return Live(lambda write: write_to(box.conversations, caller.owner, found, write), kind, headers)
