"""Conversations by id, each its owner's alone: what was said in them, and how to find it again."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.errors import ApplianceError, RequestError
from appliance.ids import new_id
from appliance.store import clips
from appliance.store import items as kept
from appliance.store.database import now_ms
from appliance.store.listing import get, known_number, number_of, page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlite_utils import Database as Tables

    from appliance.store.database import Database
    from appliance.store.items import Item
    from appliance.store.listing import Conversation, Page
    from appliance.store.owners import Owner
    from appliance.store.writing import Writing

ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
TITLE_CHARACTERS: Final = 80
"""Of the title that a conversation gets from its first words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What is added to a conversation at once. A turn that is added again takes the place of its first try."""

    items: Sequence[Item] = ()
    known: kept.Known = "refuse"
    """What becomes of an item whose id there is already."""
    after: str | None = None
    """Id of the item behind which the new ones go; "root": before all; None: at the end."""
    removed: Sequence[str] = ()
    """Ids of items that go."""
    also: Callable[[Tables], None] | None = None
    """Another change, of the same transaction."""


class Conversations:
    """All conversations of the box; every question and change names the owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self, owner: Owner, conversation: str | None = None, *, title: str = "",
        metadata: Mapping[str, str] | None = None, items: Sequence[Item] = (),
    ) -> Conversation:  # fmt: skip
        """A new conversation. Raises `RequestError` if there is one with this id."""
        name = conversation or new_id("conv")

        def change(tables: Tables) -> Conversation:
            if number_of(tables, owner.user, name) is not None:
                raise RequestError(f"There is a conversation {name!r} already.", param="id")
            number = _begun(tables, owner, name, now_ms(), title, metadata or {})
            _added(tables, number, Addition(items=items), now_ms())
            return get(tables, owner.user, name)

        return await self._database.write(change)

    async def get(self, owner: Owner, conversation: str) -> Conversation:
        """Raises `NotFound`."""
        return await self._database.read(lambda tables: get(tables, owner.user, conversation))

    async def page(self, owner: Owner, *, after: str | None = None, limit: int = 20, words: str = "") -> Page:
        """Those used last, behind `after`; with `words` only those in which all of them were said."""
        search = partial(page, owner=owner.user, after=after, limit=limit, words=words)
        return await (self._database.search if words else self._database.read)(search)

    async def change(
        self, owner: Owner, conversation: str, *, title: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> Conversation:
        """Rename it, or give it other metadata. Raises `NotFound`."""

        def change(tables: Tables) -> Conversation:
            number = known_number(tables, owner.user, conversation)
            if title is not None:
                tables.execute("UPDATE conversations SET title = ? WHERE number = ?", [title, number])
            if metadata is not None:
                encoded = msgspec.json.encode(metadata).decode()
                tables.execute("UPDATE conversations SET metadata = ? WHERE number = ?", [encoded, number])
            return get(tables, owner.user, conversation)

        return await self._database.write(change)

    async def delete(self, owner: Owner, conversation: str) -> None:
        """For good, with all that was said in it. Raises `NotFound`."""

        def change(tables: Tables) -> None:
            number = known_number(tables, owner.user, conversation)
            tables.execute("DELETE FROM conversations WHERE number = ?", [number])
            tables.execute("DELETE FROM responses WHERE owner = ? AND conversation = ?", [owner.user, conversation])

        await clips.clear(
            self._database, "conversations.owner = ? AND conversations.id = ?", [owner.user, conversation]
        )
        await self._database.write(change)

    async def history(self, owner: Owner, conversation: str, most: int, *, turn: str = "") -> Sequence[Item]:
        """The newest items but those of `turn`, oldest first; nothing where there is no such conversation yet."""

        def query(tables: Tables) -> Sequence[Item]:
            number = number_of(tables, owner.user, conversation)
            items = [] if number is None else kept.last(tables, number, most)
            return [item for item in items if not turn or item.turn != turn]

        return await self._database.read(query)

    async def items(
        self, owner: Owner, conversation: str, *, after: str | None = None, limit: int = 20, newest_first: bool = True
    ) -> tuple[Sequence[Item], bool]:
        """A page of items, and whether there are more. Raises `NotFound`."""

        def query(tables: Tables) -> tuple[Sequence[Item], bool]:
            number = known_number(tables, owner.user, conversation)
            return kept.page(tables, number, after=after, limit=limit, newest_first=newest_first)

        return await self._database.read(query)

    async def item(self, owner: Owner, conversation: str, item: str) -> Item:
        """One item. Raises `NotFound`."""
        return await self._database.read(
            lambda tables: kept.get(tables, known_number(tables, owner.user, conversation), item)
        )  # fmt: skip

    def add(self, owner: Owner, conversation: str, addition: Addition) -> Writing[None]:
        """Queue an addition, see `Database.begin`; the conversation is begun if there is none."""
        now = now_ms()

        def change(tables: Tables) -> None:
            number = number_of(tables, owner.user, conversation)
            if number is None:
                number = _begun(tables, owner, conversation, now, "", {})
            _added(tables, number, addition, now)

        return self._database.begin(change)

    async def settled(self) -> None:
        """Wait until all that was queued so far is on disk, or cannot be written."""
        with suppress(ApplianceError):
            await self._database.write(lambda _: None)

    async def remove_item(self, owner: Owner, conversation: str, item: str) -> Conversation:
        """Raises `NotFound`."""

        def change(tables: Tables) -> Conversation:
            number = known_number(tables, owner.user, conversation)
            kept.get(tables, number, item)
            kept.remove(tables, number, [item])
            return get(tables, owner.user, conversation)

        return await self._database.write(change)


def check_id(conversation: str) -> str:
    """Raise `RequestError` for an id that none can have."""
    if not ID.fullmatch(conversation):
        raise RequestError(
            "An id of a conversation has 1 to 64 letters, digits, or any of _ . : -", param="conversation"
        )
    return conversation


def _begun(tables: Tables, owner: Owner, name: str, now: int, title: str, metadata: Mapping[str, str]) -> int:
    encoded = msgspec.json.encode(metadata).decode()
    made = tables.execute(
        "INSERT INTO conversations (owner, id, role, title, metadata, created_ms, updated_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [owner.user, name, owner.role, title, encoded, now, now],
    )
    return int(made.lastrowid or 0)


def _added(tables: Tables, number: int, addition: Addition, now: int) -> None:
    kept.remove(tables, number, addition.removed)
    after = addition.after
    for turn in {item.turn for item in addition.items} - {""}:
        after = kept.before_turn(tables, number, turn) or after
        tables.execute("DELETE FROM items WHERE conversation = ? AND turn = ?", [number, turn])
    kept.put(tables, number, addition.items, now, known=addition.known, after=after)
    if addition.also is not None:
        addition.also(tables)
    first = next((item.words for item in addition.items if item.role == "user" and item.words.strip()), "")
    title = " ".join(first.split())[:TITLE_CHARACTERS]
    tables.execute(
        "UPDATE conversations SET updated_ms = max(updated_ms, ?), title = iif(title = '', ?, title) WHERE number = ?",
        [now, title, number],
    )
