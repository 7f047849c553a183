"""Putting an item into the conversation, and telling of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.voice.live.events import ItemAdded, ItemDeleted, ItemDone

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.voice.live.conversation import Conversation, Item
    from appliance.voice.live.events import LiveEvent

    Emit = Callable[[LiveEvent], None]


def join(conversation: Conversation, item: Item, emit: Emit, after: str | None = None) -> None:
    """Add an item at the end, or after another. Raises `RequestError` if its id or its place is wrong."""
    for gone in conversation.add(item, after):
        emit(ItemDeleted(gone, evicted=True))
    previous = conversation.previous(item.id)
    emit(ItemAdded(item, previous))
    if item.status != "in_progress":
        emit(ItemDone(item, previous))


def finish(conversation: Conversation, item: Item, emit: Emit) -> None:
    """Say that an item will not change any more, unless it has been deleted meanwhile."""
    if item.id in conversation:
        emit(ItemDone(item, conversation.previous(item.id)))
