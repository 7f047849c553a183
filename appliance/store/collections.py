"""Documents that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from appliance.errors import NotFound, RequestError
from appliance.ids import new_id
from appliance.store.database import now_ms
from appliance.store.documents import Document, found
from appliance.store.paging import page_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlite_utils import Database as Tables

    from appliance.store.database import Database
    from appliance.store.owners import Owner

MEMBERS: Final = "SELECT documents.*, added_ms FROM members JOIN documents ON number = document"
MOST_COLLECTIONS: Final = 10_000
"""Of one owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One collection; `counts` has how many of its documents have which status, `bytes` what they take."""

    number: int
    id: str
    name: str
    metadata: Mapping[str, str]
    created_ms: int
    counts: Mapping[str, int]
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A document in a collection."""

    document: Document
    added_ms: int


class Collections:
    """All collections of the box."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, owner: Owner, *, name: str = "", metadata: Mapping[str, str] | None = None, documents: Sequence[str] = ()
    ) -> Collection:
        """A collection of documents. Raises `NotFound` for one that there is not."""
        collection = new_id("vs")

        def change(tables: Tables) -> Collection:
            (count,) = tables.execute("SELECT count(*) FROM collections WHERE owner = ?", [owner.user]).fetchone()
            if count >= MOST_COLLECTIONS:
                raise RequestError(f"There are {MOST_COLLECTIONS} vector stores already.", param="name")
            tables.execute(
                "INSERT INTO collections (owner, id, name, metadata, created_ms) VALUES (?, ?, ?, ?, ?)",
                [owner.user, collection, name, msgspec.json.encode(metadata or {}).decode(), now_ms()],
            )
            made = get(tables, owner.user, collection)
            for document in documents:
                _join(tables, owner.user, made.number, document)
            return get(tables, owner.user, collection)

        return await self._database.write(change)

    async def get(self, owner: Owner, collection: str) -> Collection:
        """Raises `NotFound`."""
        return await self._database.read(lambda tables: get(tables, owner.user, collection))

    async def page(
        self, owner: Owner, *, after: str | None = None, limit: int = 20, newest_first: bool = True
    ) -> tuple[Sequence[Collection], bool]:
        """At most `limit` collections behind `after`, and whether there are more."""

        def query(tables: Tables) -> tuple[Sequence[Collection], bool]:
            last = get(tables, owner.user, after).number if after is not None else None
            every = "SELECT * FROM collections WHERE owner = ?"
            rows, more = page_of(
                tables, every, [owner.user], by="number", after=last, limit=limit, newest_first=newest_first
            )
            return [_collection(tables, row) for row in rows], more

        return await self._database.read(query)

    async def change(
        self, owner: Owner, collection: str, *, name: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> Collection:
        """Rename it, or give it other metadata. Raises `NotFound`."""

        def change(tables: Tables) -> Collection:
            number = get(tables, owner.user, collection).number
            if name is not None:
                tables.execute("UPDATE collections SET name = ? WHERE number = ?", [name, number])
            if metadata is not None:
                encoded = msgspec.json.encode(metadata).decode()
                tables.execute("UPDATE collections SET metadata = ? WHERE number = ?", [encoded, number])
            return get(tables, owner.user, collection)

        return await self._database.write(change)

    async def delete(self, owner: Owner, collection: str) -> None:
        """Its documents stay. Raises `NotFound`."""

        def change(tables: Tables) -> None:
            number = get(tables, owner.user, collection).number
            tables.execute("DELETE FROM collections WHERE number = ?", [number])

        await self._database.write(change)

    async def join(self, owner: Owner, collection: str, document: str) -> Member:
        """Put a document in it. Raises `NotFound`."""

        def change(tables: Tables) -> Member:
            number = get(tables, owner.user, collection).number
            _join(tables, owner.user, number, document)
            return _member(tables, owner.user, number, document)

        return await self._database.write(change)

    async def leave(self, owner: Owner, collection: str, document: str) -> None:
        """Take a document out of it; it stays where else it is. Raises `NotFound`."""

        def change(tables: Tables) -> None:
            number = get(tables, owner.user, collection).number
            member = _member(tables, owner.user, number, document)
            tables.execute(
                "DELETE FROM members WHERE collection = ? AND document = ?", [number, member.document.number]
            )

        await self._database.write(change)

    async def member(self, owner: Owner, collection: str, document: str) -> Member:
        """Raises `NotFound`."""
        return await self._database.read(
            lambda tables: _member(tables, owner.user, get(tables, owner.user, collection).number, document)
        )

    async def members(
        self, owner: Owner, collection: str, *, after: str | None = None, limit: int = 20, newest_first: bool = True
    ) -> tuple[Sequence[Member], bool]:
        """At most `limit` documents of it behind `after`, and whether there are more."""

        def query(tables: Tables) -> tuple[Sequence[Member], bool]:
            number = get(tables, owner.user, collection).number
            last = _member(tables, owner.user, number, after).document.number if after is not None else None
            every = f"{MEMBERS} WHERE collection = ?"
            rows, more = page_of(
                tables, every, [number], by="document", after=last, limit=limit, newest_first=newest_first
            )
            return [_member_of(row) for row in rows], more

        return await self._database.read(query)


def get(tables: Tables, owner: str, collection: str) -> Collection:
    """A collection by its id. Raises `NotFound`."""
    for row in tables.query("SELECT * FROM collections WHERE owner = ? AND id = ?", [owner, collection]):
        return _collection(tables, row)
    raise NotFound(f"There is no vector store {collection[:128]!r}.", param="vector_store_id")


def _collection(tables: Tables, row: Mapping[str, Any]) -> Collection:
    rows = tables.execute(
        "SELECT status, count(*), sum(bytes) FROM members JOIN documents ON number = document"
        " WHERE collection = ? GROUP BY status",
        [row["number"]],
    ).fetchall()
    return Collection(
        number=row["number"], id=row["id"], name=row["name"], metadata=msgspec.json.decode(row["metadata"]),
        created_ms=row["created_ms"], counts={status: count for status, count, _ in rows},
        bytes=sum(size for _, _, size in rows),
    )  # fmt: skip


def _join(tables: Tables, owner: str, collection: int, document: str) -> None:
    number = found(tables, owner, document).number
    tables.execute("INSERT OR IGNORE INTO members VALUES (?, ?, ?)", [collection, number, now_ms()])


def _member(tables: Tables, owner: str, collection: int, document: str) -> Member:
    number = found(tables, owner, document).number
    rows = tables.query(f"{MEMBERS} WHERE collection = ? AND document = ?", [collection, number])
    for row in rows:
        return _member_of(row)
    raise NotFound(f"The vector store has no file {document[:128]!r}.", param="file_id")


def _member_of(row: dict[str, Any]) -> Member:
    added_ms = row.pop("added_ms")
    return Member(document=Document(**row), added_ms=added_ms)
