"""Assistants: presets with a name, each its owner's, some of them for everybody to use."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from appliance.errors import Forbidden, NotFound, RequestError
from appliance.ids import new_id
from appliance.store.database import now_ms
from appliance.store.owners import Owner
from appliance.store.paging import page_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_utils import Database as Tables

    from appliance.store.database import Database

MOST_ASSISTANTS: Final = 1000
"""Of one owner."""
MOST_NAMED: Final = 2 * MOST_ASSISTANTS
"""Names that are listed: one's own, and as many of those that are shared."""
PREFIX: Final = "asst_"
MINE: Final = "(owner = ? OR shared = 1)"
STORES: Final = "tool_resources.file_search.vector_store_ids"

Retrieval = Literal["automatic", "tool"]
"""Whether the documents are searched before each reply, or when the model asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What an assistant is made of. None: as it would be without it."""

    name: str
    description: str = ""
    instructions: str = ""
    model: str = "default"
    voice: str | None = None
    language: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    """Functions as clients describe them: name, description, parameters, strict."""
    collection_ids: tuple[str, ...] = ()
    """Of the owner's collections, in this order."""
    retrieval: Retrieval = "automatic"
    shared: bool = False
    """Whether others see and use it too. Only its owner changes it."""
    metadata: Mapping[str, str] = field(default_factory=dict)


NOBODY: Final = Preset(name="")
"""Where no assistant answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assistant(Preset):
    """One assistant. `collections` are the numbers of `collection_ids`; they are `owner`'s, whoever asks."""

    number: int
    owner: Owner
    id: str
    collections: tuple[int, ...]
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a list of names says of an assistant."""

    id: str
    name: str
    owner: str
    created_ms: int


class Assistants:
    """All assistants of the box."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, owner: Owner, preset: Preset) -> Assistant:
        """Raises `NotFound` for a collection that there is not, `RequestError` for a name that is taken."""
        assistant = new_id(PREFIX.rstrip("_"))

        def change(tables: Tables) -> Assistant:
            (count,) = tables.execute("SELECT count(*) FROM assistants WHERE owner = ?", [owner.user]).fetchone()
            if count >= MOST_ASSISTANTS:
                raise RequestError(f"There are {MOST_ASSISTANTS} assistants already.", param="name")
            values = {**_row(preset), "owner": owner.user, "id": assistant, "created_ms": now_ms()}
            _check_name(tables, owner.user, preset, None)
            tables.execute(
                f"INSERT INTO assistants ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
                list(values.values()),
            )
            number = _found(tables, owner.user, assistant)["number"]
            _join(tables, owner.user, number, preset.collection_ids)
            return get(tables, owner.user, assistant)

        return await self._database.write(change)

    async def get(self, owner: Owner, assistant: str) -> Assistant:
        """One's own, or one that is shared. Raises `NotFound`."""
        return await self._database.read(lambda tables: get(tables, owner.user, assistant))

    async def called(self, owner: Owner, name: str) -> Assistant | None:
        """The one with this id or name: one's own, else one that is shared; None if there is none."""

        def query(tables: Tables) -> Assistant | None:
            rows = tables.query(
                f"SELECT * FROM assistants WHERE {MINE} AND (id = ? OR called = ?)"
                " ORDER BY id = ? DESC, owner = ? DESC LIMIT 1",
                [owner.user, name, folded(name), name, owner.user],
            )
            return next((_assistant(tables, row) for row in rows), None)

        return await self._database.read(query)

    async def names(self, owner: Owner) -> Sequence[Named]:
        """Those that answer to the owner: their own first, then those of others that no name of their own hides."""

        def query(tables: Tables) -> Sequence[Named]:
            rows = tables.query(
                f"SELECT id, name, owner, created_ms FROM assistants WHERE {MINE}"
                " ORDER BY owner = ? DESC, number LIMIT ?",
                [owner.user, owner.user, MOST_NAMED],
            )
            found: dict[str, Named] = {}
            for row in rows:
                found.setdefault(folded(row["name"]), Named(**row))
            return list(found.values())

        return await self._database.read(query)

    async def page(
        self, owner: Owner, *, after: str | None = None, limit: int = 20, newest_first: bool = True
    ) -> tuple[Sequence[Assistant], bool]:
        """At most `limit` behind `after`, of one's own and those that are shared, and whether there are more."""

        def query(tables: Tables) -> tuple[Sequence[Assistant], bool]:
            last = _found(tables, owner.user, after)["number"] if after is not None else None
            rows, more = page_of(
                tables, f"SELECT * FROM assistants WHERE {MINE}", [owner.user],
                by="number", after=last, limit=limit, newest_first=newest_first,
            )  # fmt: skip
            return [_assistant(tables, row) for row in rows], more

        return await self._database.read(query)

    async def change(self, owner: Owner, assistant: str, given: Mapping[str, Any]) -> Assistant:
        """Change the fields of its `Preset` that are `given`.

        Raises `NotFound`, `Forbidden` for one that somebody else shares, `RequestError` for a name that is taken.
        """

        def change(tables: Tables) -> Assistant:
            before = _own(tables, owner.user, assistant)
            preset: Preset = replace(before, **given)
            _check_name(tables, owner.user, preset, before.number)
            values = _row(preset)
            tables.execute(
                f"UPDATE assistants SET {', '.join(f'{name} = ?' for name in values)} WHERE number = ?",
                [*values.values(), before.number],
            )
            if "collection_ids" in given:
                tables.execute("DELETE FROM assistant_collections WHERE assistant = ?", [before.number])
                _join(tables, owner.user, before.number, preset.collection_ids)
            return get(tables, owner.user, assistant)

        return await self._database.write(change)

    async def delete(self, owner: Owner, assistant: str) -> None:
        """Its documents stay. Raises `NotFound`, and `Forbidden` for one that somebody else shares."""

        def change(tables: Tables) -> None:
            number = _own(tables, owner.user, assistant).number
            tables.execute("DELETE FROM assistants WHERE number = ?", [number])

        await self._database.write(change)


def folded(name: str) -> str:
    """A name as it is compared with others."""
    return unicodedata.normalize("NFKC", name).casefold()


def get(tables: Tables, owner: str, assistant: str) -> Assistant:
    """One's own, or one that is shared. Raises `NotFound`."""
    return _assistant(tables, _found(tables, owner, assistant))


def _found(tables: Tables, owner: str, assistant: str) -> dict[str, Any]:
    for row in tables.query(f"SELECT * FROM assistants WHERE {MINE} AND id = ?", [owner, assistant]):
        found: dict[str, Any] = row
        return found
    raise NotFound(f"There is no assistant {assistant[:128]!r}.", param="assistant_id")


def _own(tables: Tables, owner: str, assistant: str) -> Assistant:
    found = get(tables, owner, assistant)
    if found.owner.user != owner:
        raise Forbidden("A shared assistant is changed by its owner only.", param="assistant_id")
    return found


def _check_name(tables: Tables, owner: str, preset: Preset, number: int | None) -> None:
    """A name is its owner's once, and shared once. `number`: of the assistant itself, if it is there already."""
    others = tables.execute(
        "SELECT owner = ? FROM assistants WHERE called = ? AND (owner = ? OR (? AND shared = 1)) AND number IS NOT ?"
        " ORDER BY owner = ? DESC LIMIT 1",
        [owner, folded(preset.name), owner, preset.shared, number, owner],
    ).fetchone()
    if others is not None:
        whose = "an assistant" if others[0] else "a shared assistant"
        raise RequestError(f"There is {whose} named {preset.name!r} already.", param="name")


def _join(tables: Tables, owner: str, number: int, collections: Sequence[str]) -> None:
    for place, collection in enumerate(collections):
        joined = tables.execute(
            "INSERT INTO assistant_collections SELECT ?, number, ? FROM collections WHERE owner = ? AND id = ?",
            [number, place, owner, collection],
        )
        if not joined.rowcount:
            raise NotFound(f"There is no vector store {collection[:128]!r}.", param=f"{STORES}[{place}]")


def _row(preset: Preset) -> dict[str, Any]:
    """The columns that a preset has."""
    values = {each.name: getattr(preset, each.name) for each in fields(Preset) if each.name != "collection_ids"}
    encoded = {name: msgspec.json.encode(values[name]).decode() for name in ("tools", "metadata")}
    return {**values, **encoded, "called": folded(preset.name), "shared": int(preset.shared)}


def _assistant(tables: Tables, row: Mapping[str, Any]) -> Assistant:
    joined = tables.execute(
        "SELECT collections.number, collections.id FROM assistant_collections"
        " JOIN collections ON collections.number = collection WHERE assistant = ? ORDER BY place",
        [row["number"]],
    ).fetchall()
    values = {name: value for name, value in row.items() if name != "called"}
    return Assistant(
        **{
            **values, "owner": Owner(row["owner"]), "shared": bool(row["shared"]),
            "tools": tuple(msgspec.json.decode(row["tools"])), "metadata": msgspec.json.decode(row["metadata"]),
        },
        collections=tuple(number for number, _ in joined), collection_ids=tuple(each for _, each in joined),
    )  # fmt: skip
