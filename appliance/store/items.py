"""What was said, called and answered in a conversation, item by item."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from appliance.errors import NotFound, RequestError
from appliance.ids import new_id
from appliance.jobs import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlite_utils import Database as Tables

MOST_ITEMS: Final = 100_000
"""Of one conversation."""
MOST_TOLD: Final = 400_000
"""Characters of a conversation that are looked up for a prompt: more than any context holds."""
MOST_PAGE: Final = 4_000_000
"""Characters of a page."""
MOST_CHARACTERS: Final = 1_000_000
"""Of one item."""

ROOM: Final = 100
"""Items that a turn may add."""

Known = Literal["renew", "rename", "refuse"]
Kind = Literal["message", "function_call", "function_call_output", "reasoning"]
Role = Literal["system", "user", "assistant"]
Status = Literal["in_progress", "completed", "incomplete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item. `kind` says which of the fields it has."""

    id: str
    turn: str = ""
    """Id of the turn that it belongs to; empty where there is none."""
    kind: Kind = "message"
    role: Role = "user"
    status: Status = "completed"
    words: str = ""
    """Text of a message: of a spoken reply what was heard of it."""
    text: str = ""
    """Arguments of a call as JSON text, what a call gave, or thoughts."""
    source: str = ""
    """The whole text of a reply, where not all of it was heard."""
    call_id: str = ""
    name: str = ""
    aloud: bool = False
    """Whether it was spoken."""
    timings: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds from the user's last sound to each stage of the reply."""
    sources: Sequence[Source] = ()
    """What a reply rests on, in `source` or else in `words`."""
    created_ms: int = 0
    clip: bool = False
    """Whether its sound is kept; known of what is looked up."""


COLUMNS: Final = tuple(name for name in Item.__dataclass_fields__ if name != "clip")
_NAMED: Final = ", ".join(COLUMNS)
_LOOKED_UP: Final = f"{_NAMED}, EXISTS (SELECT 1 FROM clips WHERE clips.item = items.number) AS clip"
_sources: Final = msgspec.json.Decoder(tuple[Source, ...]).decode


def item_of(row: Mapping[str, Any]) -> Item:
    """An item as it was kept."""
    given = {name: row[name] for name in COLUMNS}
    given |= {"timings": msgspec.json.decode(row["timings"]), "sources": _sources(row["sources"])}
    return Item(**{**given, "aloud": bool(row["aloud"]), "clip": bool(row["clip"])})


def put(
    tables: Tables, conversation: int, items: Sequence[Item], now: int, *, known: Known = "refuse",
    after: str | None = None,
) -> None:  # fmt: skip
    """Add items at the end, or after another one ("root": before all).

    `known` says what becomes of one whose id there is already: it is renewed where it stands, added under another id,
    or refused. Raises `RequestError` for that, and where an item or the conversation is too large.
    """
    if not items:
        return
    check(items)
    place = _place(tables, conversation, after, len(items))
    if place > MOST_ITEMS:
        raise full()
    marks = ", ".join("?" * (len(COLUMNS) + 2))
    renewed = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in ("id", "created_ms"))
    for number, given in enumerate(items):
        item = given if known == "renew" else _distinct(tables, conversation, given, known)
        values = {name: getattr(item, name) for name in COLUMNS}
        values |= {name: msgspec.json.encode(values[name]).decode() for name in ("timings", "sources")}
        values["created_ms"] = item.created_ms or now
        tables.execute(
            f"INSERT INTO items (conversation, place, {_NAMED}) VALUES ({marks})"
            f" ON CONFLICT (conversation, id) DO UPDATE SET {renewed}",
            [conversation, place + number, *values.values()],
        )


def _distinct(tables: Tables, conversation: int, item: Item, known: Known) -> Item:
    found = tables.execute("SELECT 1 FROM items WHERE conversation = ? AND id = ?", [conversation, item.id]).fetchone()
    if found is None:
        return item
    if known == "refuse":
        raise RequestError(f"The conversation has an item {item.id[:128]!r} already.", param="items")
    return replace(item, id=new_id("item"))


def full() -> RequestError:
    """What is said of a conversation that has no room for another turn."""
    return RequestError(f"A conversation has at most {MOST_ITEMS} items; begin another one.", param="conversation")


def check(items: Iterable[Item]) -> None:
    """Raise `RequestError` for an item that is too large to be kept."""
    if any(max(len(item.words), len(item.text), len(item.source)) > MOST_CHARACTERS for item in items):
        raise RequestError(f"An item has at most {MOST_CHARACTERS} characters.", param="conversation")


def _place(tables: Tables, conversation: int, after: str | None, count: int) -> int:
    """Where new items go; those behind make room."""
    (last,) = tables.execute("SELECT max(place) FROM items WHERE conversation = ?", [conversation]).fetchone()
    if after is None:
        return (last or 0) + 1
    found = tables.execute("SELECT place FROM items WHERE conversation = ? AND id = ?", [conversation, after])
    row = found.fetchone()
    if row is None and after != "root":
        return (last or 0) + 1
    place: int = row[0] if row is not None else 0
    tables.execute(
        "UPDATE items SET place = place + ? WHERE conversation = ? AND place > ?", [count, conversation, place]
    )
    return place + 1


def before_turn(tables: Tables, conversation: int, turn: str) -> str | None:
    """Id of the item before a turn that is there already, "root" if it is the first; None if it is not there."""
    found = tables.execute("SELECT min(place) FROM items WHERE conversation = ? AND turn = ?", [conversation, turn])
    (place,) = found.fetchone()
    if place is None:
        return None
    before = tables.execute(
        "SELECT id FROM items WHERE conversation = ? AND place < ? ORDER BY place DESC LIMIT 1", [conversation, place]
    ).fetchone()
    return before[0] if before is not None else "root"


def last(tables: Tables, conversation: int, count: int) -> list[Item]:
    """The newest items, oldest first, as far as a prompt can hold them. Raises `RequestError` if there is no room."""
    (place,) = tables.execute("SELECT max(place) FROM items WHERE conversation = ?", [conversation]).fetchone()
    if (place or 0) >= MOST_ITEMS - ROOM:
        raise full()
    rows = tables.query(
        f"SELECT {_LOOKED_UP} FROM items WHERE conversation = ? ORDER BY place DESC, number DESC LIMIT ?",
        [conversation, count],
    )
    return _up_to(rows, MOST_TOLD)[::-1]


def _up_to(rows: Iterable[Mapping[str, Any]], most: int) -> list[Item]:
    """The first items, one at least, until they have so many characters."""
    found: list[Item] = []
    for row in rows:
        item = item_of(row)
        most -= len(item.words) + len(item.text)
        if most < 0 and found:
            break
        found.append(item)
    return found


def page(
    tables: Tables, conversation: int, *, after: str | None, limit: int, newest_first: bool
) -> tuple[list[Item], bool]:
    """At most `limit` items behind `after`, and whether there are more. Raises `RequestError` for an unknown one."""
    compare, order = ("<", "DESC") if newest_first else (">", "ASC")
    where, values = "", [conversation]
    if after is not None:
        found = tables.execute(
            "SELECT place, number FROM items WHERE conversation = ? AND id = ?", [conversation, after]
        )
        place = found.fetchone()
        if place is None:
            raise RequestError(f"The conversation has no item {after[:128]!r}.", param="after")
        where, values = f" AND (place, number) {compare} (?, ?)", [conversation, *place]
    rows = tables.query(
        f"SELECT {_LOOKED_UP} FROM items WHERE conversation = ?{where} ORDER BY place {order}, number {order} LIMIT ?",
        [*values, limit + 1],
    )
    kept = list(rows)
    items = _up_to(kept[:limit], MOST_PAGE)
    return items, len(kept) > len(items)


def get(tables: Tables, conversation: int, item: str) -> Item:
    """Raises `NotFound`."""
    rows = tables.query(f"SELECT {_LOOKED_UP} FROM items WHERE conversation = ? AND id = ?", [conversation, item])
    for row in rows:
        return item_of(row)
    raise NotFound(f"The conversation has no item {item[:128]!r}.", param="item_id")


def remove(tables: Tables, conversation: int, ids: Iterable[str]) -> None:
    """Delete items, as far as they are there."""
    for item in ids:
        tables.execute("DELETE FROM items WHERE conversation = ? AND id = ?", [conversation, item])
