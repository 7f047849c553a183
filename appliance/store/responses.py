"""Finished responses, so that the next request can go on from one of them by its id."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from appliance.errors import NotFound
from appliance.store.database import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlite_utils import Database as Tables

    from appliance.store.database import Database
    from appliance.store.owners import Owner

MOST_CHAIN: Final = 10_000
"""Responses that one can go on from."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A response and what it answered, both in the words of the protocol."""

    id: str
    previous: str | None
    """The response that this one went on from."""
    conversation: str | None = None
    """The conversation that it is part of, and goes with."""
    input: list[dict[str, Any]]
    """Items of its own request, without those of the responses before it."""
    body: dict[str, Any]
    """The response as the client got it; its `output` is a list of items."""

    @property
    def items(self) -> list[dict[str, Any]]:
        """What it read and wrote itself, in order."""
        return [*self.input, *self.body["output"]]


_decode = msgspec.json.Decoder(Kept).decode


class Responses:
    """Responses by id, each its owner's alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, owner: Owner, response: Kept) -> None:
        """Remember a response; it is on disk when this returns."""
        await self._database.write(partial(put, owner=owner.user, response=response))

    async def get(self, owner: Owner, response: str, param: str = "response_id") -> Kept:
        """A response by its id. Raises `NotFound` about `param`."""
        return await self._database.read(lambda tables: _get(tables, owner.user, response, param))

    async def chain(self, owner: Owner, response: str, param: str, *, whole: bool = True) -> list[Kept]:
        """A response and all that it went on from, oldest first.

        Raises `NotFound` if one of them is gone; unless `whole`, only if `response` itself is.
        """
        return await self._database.read(lambda tables: _chain(tables, owner.user, response, param, whole=whole))

    async def items(self, owner: Owner, wanted: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Those items of kept responses that there are, by their ids. Each response is looked at once."""
        ids = set(wanted)
        if not ids:
            return {}

        def query(tables: Tables) -> dict[str, dict[str, Any]]:
            rows = tables.query(
                "SELECT DISTINCT responses.number, kept FROM response_items JOIN responses ON number = response"
                " WHERE owner = ? AND response_items.id IN (SELECT value FROM json_each(?)) ORDER BY number",
                [owner.user, msgspec.json.encode(sorted(ids)).decode()],
            )
            return {item["id"]: item for row in rows for item in _decode(row["kept"]).items if item["id"] in ids}

        return await self._database.read(query)

    async def delete(self, owner: Owner, response: str) -> None:
        """Forget a response. Raises `NotFound`."""

        def change(tables: Tables) -> None:
            gone = tables.execute("DELETE FROM responses WHERE owner = ? AND id = ?", [owner.user, response])
            if not gone.rowcount:
                raise _missing(response, "response_id")

        await self._database.write(change)


def put(tables: Tables, owner: str, response: Kept) -> None:
    """Keep a response."""
    made = tables.execute(
        "INSERT INTO responses (owner, id, previous, conversation, kept, created_ms) VALUES (?, ?, ?, ?, ?, ?)",
        [owner, response.id, response.previous, response.conversation, msgspec.json.encode(response), now_ms()],
    )
    number = made.lastrowid
    tables.conn.executemany(
        "INSERT OR IGNORE INTO response_items (response, id) VALUES (?, ?)",
        [(number, item["id"]) for item in response.items],
    )


def _get(tables: Tables, owner: str, response: str, param: str) -> Kept:
    found = tables.execute("SELECT kept FROM responses WHERE owner = ? AND id = ?", [owner, response]).fetchone()
    if found is None:
        raise _missing(response, param)
    return _decode(found[0])


def _missing(response: str, param: str) -> NotFound:
    return NotFound(f"There is no response {response[:128]!r}, or it is no longer kept.", param=param)


def _chain(tables: Tables, owner: str, response: str, param: str, *, whole: bool) -> list[Kept]:
    rows = tables.execute(
        "WITH RECURSIVE chain (depth, kept, previous) AS ("
        " SELECT 0, kept, previous FROM responses WHERE owner = :owner AND id = :id"
        " UNION ALL SELECT depth + 1, responses.kept, responses.previous FROM chain"
        " JOIN responses ON responses.owner = :owner AND responses.id = chain.previous WHERE depth < :most"
        ") SELECT kept FROM chain ORDER BY depth",
        {"owner": owner, "id": response, "most": MOST_CHAIN},
    )
    found = [_decode(kept) for (kept,) in rows]
    if not found:
        raise _missing(response, param)
    if whole and (wanted := found[-1].previous) is not None:
        raise NotFound(f"The response {response!r} went on from {wanted!r}, which is no longer kept.", param=param)
    return found[::-1]
