"""`/v1/conversations/{id}/items`: the items of a conversation, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from appliance.callers.caller import Caller
from appliance.errors import RequestError
from appliance.store.conversations import Addition
from appliance.store.items import Item as Kept
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS
from appliance.web.kept_items import kept, shown
from appliance.web.wire_conversations import AddItems, ConversationBody, body
from appliance.web.wire_response_body import ItemList
from appliance.web.wire_response_items import Item, ItemReference, raw_items, read_items

HISTORY = {NEEDS: "history"}


def new_items(given: Sequence[dict[str, Any]]) -> list[Kept]:
    """A client's items as they are remembered. Raises `RequestError` that names the place."""
    found: list[Kept] = []
    for number, item in enumerate(read_items(given, "items")):
        if isinstance(item, ItemReference):
            raise RequestError("A conversation's items are given whole.", param=f"items[{number}].type")
        found.append(kept(item))
    return found


def item_list(data: list[dict[str, Any]], *, more: bool) -> ItemList:
    """A page of items as clients get it."""
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return ItemList(data=data, first_id=first, last_id=last, has_more=more)


@get("/v1/conversations/{conversation:str}/items", opt=HISTORY, summary="Items of a conversation")
async def list_items(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    conversation: FromPath[str],
    order: FromQuery[Literal["asc", "desc"]] = "desc",
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    after: FromQuery[str | None] = None,
) -> ItemList:
    """A page of items, the newest first unless `order` is `asc`."""
    items, more = await box.conversations.items(
        caller.owner, conversation, after=after, limit=limit, newest_first=order == "desc"
    )
    return item_list(raw_items([shown(item) for item in items]), more=more)


@post("/v1/conversations/{conversation:str}/items", opt=HISTORY, status_code=200, summary="Add items")
async def add_items(
    box: NamedDependency[Box], caller: NamedDependency[Caller], conversation: FromPath[str], data: JSONBody[AddItems]
) -> ItemList:
    """Add items at the end."""
    await box.conversations.get(caller.owner, conversation)
    items = new_items(data.items)
    await box.conversations.add(caller.owner, conversation, Addition(items=items)).done()
    return item_list(raw_items([shown(item) for item in items]), more=False)


@get("/v1/conversations/{conversation:str}/items/{item_id:str}", opt=HISTORY, summary="One item")
async def get_item(
    box: NamedDependency[Box], caller: NamedDependency[Caller], conversation: FromPath[str], item_id: FromPath[str]
) -> Response[Item]:
    """One item by its id."""
    found = await box.conversations.item(caller.owner, conversation, item_id)
    return Response(shown(found))


@delete(
    "/v1/conversations/{conversation:str}/items/{item_id:str}", opt=HISTORY, status_code=200, summary="Delete an item"
)
async def delete_item(
    box: NamedDependency[Box], caller: NamedDependency[Caller], conversation: FromPath[str], item_id: FromPath[str]
) -> ConversationBody:
    """For good; the conversation goes on without it."""
    return body(await box.conversations.remove_item(caller.owner, conversation, item_id))
