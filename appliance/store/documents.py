"""Documents that were handed in, each its owner's alone, and how far they have been read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from appliance.errors import NotFound, RequestError
from appliance.store.database import now_ms
from appliance.store.paging import page_of
from appliance.store.surroundings import surrounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_utils import Database as Tables

    from appliance.store.database import Database
    from appliance.store.owners import Owner
    from appliance.store.surroundings import Surrounded

MOST_DOCUMENTS: Final = 100_000
"""Of one owner."""
REMOVED: Final = 500
"""Passages that go in one transaction, so that no turn waits long."""

Status = Literal["waiting", "reading", "ready", "failed", "going"]
"""`going`: it was deleted, and its passages are being removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document. `number` is its place in the database; `code` and `message` say why it could not be read."""

    number: int
    owner: str
    id: str
    name: str
    purpose: str
    bytes: int
    sha256: str
    status: Status
    code: str
    message: str
    passages: int
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A stretch of a document; see `knowledge.passage`."""

    ordinal: int
    heading: str
    page: int | None
    start: int
    text: str


class Documents:
    """All documents of the box."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, owner: Owner, document: str, *, name: str, purpose: str, size: int, sha256: str) -> Document:
        """A new document that waits to be read. Raises `RequestError` where there are too many."""

        def change(tables: Tables) -> Document:
            (count,) = tables.execute("SELECT count(*) FROM documents WHERE owner = ?", [owner.user]).fetchone()
            if count >= MOST_DOCUMENTS:
                raise RequestError(f"There are {MOST_DOCUMENTS} documents already.", param="file")
            tables.execute(
                "INSERT INTO documents (owner, id, name, purpose, bytes, sha256, status, created_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?)",
                [owner.user, document, name, purpose, size, sha256, now_ms()],
            )
            return found(tables, owner.user, document)

        return await self._database.write(change)

    async def get(self, owner: Owner, document: str) -> Document:
        """Raises `NotFound`."""
        return await self._database.read(lambda tables: found(tables, owner.user, document))

    async def page(
        self, owner: Owner, *, after: str | None = None, limit: int = 100, newest_first: bool = True
    ) -> tuple[Sequence[Document], bool]:
        """At most `limit` documents behind `after`, and whether there are more."""

        def query(tables: Tables) -> tuple[Sequence[Document], bool]:
            last = found(tables, owner.user, after).number if after is not None else None
            every = "SELECT * FROM documents WHERE owner = ? AND status != 'going'"
            rows, more = page_of(
                tables, every, [owner.user], by="number", after=last, limit=limit, newest_first=newest_first
            )
            return [Document(**row) for row in rows], more

        return await self._database.read(query)

    async def passage(self, owner: Owner, document: str, ordinal: int) -> tuple[Document, Surrounded]:
        """One passage, by its number, with its document. Raises `NotFound`, also while the document is being read."""
        return await self._database.read(
            lambda tables: (found(tables, owner.user, document), surrounded(tables, owner, document, ordinal))
        )

    async def delete(self, owner: Owner, document: str) -> Document:
        """From now on it is in no collection and found by nobody; its passages go soon. Raises `NotFound`."""

        def change(tables: Tables) -> Document:
            gone = found(tables, owner.user, document)
            tables.execute("DELETE FROM members WHERE document = ?", [gone.number])
            tables.execute("UPDATE documents SET status = 'going', name = '' WHERE number = ?", [gone.number])
            return gone

        return await self._database.write(change)

    # For whoever reads them

    async def to_do(self) -> Document | None:
        """The oldest that has to be read, or removed."""

        def query(tables: Tables) -> Document | None:
            rows = tables.query(
                "SELECT * FROM documents WHERE status IN ('waiting', 'reading', 'going') ORDER BY number LIMIT 1"
            )
            return next((Document(**row) for row in rows), None)

        return await self._database.read(query)

    async def waiting(self) -> int:
        """How many have to be read."""

        def query(tables: Tables) -> int:
            many = "SELECT count(*) FROM documents WHERE status IN ('waiting', 'reading')"
            return int(tables.execute(many).fetchone()[0])

        return await self._database.read(query)

    async def begin(self, document: Document) -> None:
        """It is being read, from its beginning."""
        await self._strip(document)
        await self._set(document, "reading")

    async def put(self, document: Document, passages: Sequence[Passage]) -> bool:
        """Add passages. False if it has been deleted meanwhile."""

        def change(tables: Tables) -> bool:
            row = tables.execute("SELECT status FROM documents WHERE number = ?", [document.number]).fetchone()
            if row is None or row[0] != "reading":
                return False
            tables.conn.executemany(
                "INSERT INTO passages (document, ordinal, heading, page, start, text) VALUES (?, ?, ?, ?, ?, ?)",
                [(document.number, each.ordinal, each.heading, each.page, each.start, each.text) for each in passages],
            )
            tables.execute(
                "UPDATE documents SET passages = passages + ? WHERE number = ?", [len(passages), document.number]
            )
            return True

        return await self._database.write(change)

    async def finish(self, document: Document) -> None:
        """It has been read, and can be found."""
        await self._set(document, "ready")

    async def fail(self, document: Document, code: str, message: str) -> None:
        """It cannot be read."""
        await self._strip(document)
        await self._set(document, "failed", code, message)

    async def remove(self, document: Document) -> None:
        """Remove a deleted one for good."""
        await self._strip(document)
        await self._database.write(
            lambda tables: (
                tables.execute(
                    "DELETE FROM documents WHERE number = ? AND status = 'going'", [document.number]
                ).rowcount
            )
        )

    async def _set(self, document: Document, status: Status, code: str = "", message: str = "") -> None:
        await self._database.write(
            lambda tables: (
                tables.execute(
                    "UPDATE documents SET status = ?, code = ?, message = ? WHERE number = ? AND status != 'going'",
                    [status, code, message, document.number],
                ).rowcount
            )
        )

    async def _strip(self, document: Document) -> None:
        def change(tables: Tables) -> int:
            gone = tables.execute(
                "DELETE FROM passages WHERE number IN (SELECT number FROM passages WHERE document = ? LIMIT ?)",
                [document.number, REMOVED],
            ).rowcount
            if not gone:
                tables.execute("UPDATE documents SET passages = 0 WHERE number = ?", [document.number])
            return gone

        while await self._database.write(change):
            pass


def found(tables: Tables, owner: str, document: str) -> Document:
    """A document by its id. Raises `NotFound`."""
    rows: Any = tables.query(
        "SELECT * FROM documents WHERE owner = ? AND id = ? AND status != 'going'", [owner, document]
    )
    for row in rows:
        return Document(**row)
    raise NotFound(f"There is no file {document[:128]!r}.", param="file_id")
