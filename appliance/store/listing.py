"""Finding conversations: one by its id, those used last, and those in which something was said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from appliance.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlite_utils import Database as Tables

MATCHED: Final = ("\x02", "\x03")
"""Around a word that was searched, in a snippet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One conversation, without its items. Times are milliseconds since the epoch."""

    id: str
    title: str
    metadata: Mapping[str, str]
    created_ms: int
    updated_ms: int
    snippet: str | None = None
    """Where it was searched: the words around what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Conversations, those used last first."""

    conversations: Sequence[Conversation]
    more: bool


def number_of(tables: Tables, owner: str, conversation: str) -> int | None:
    found = tables.execute("SELECT number FROM conversations WHERE owner = ? AND id = ?", [owner, conversation])
    row = found.fetchone()
    return None if row is None else int(row[0])


def known_number(tables: Tables, owner: str, conversation: str) -> int:
    number = number_of(tables, owner, conversation)
    if number is None:
        raise NotFound(f"There is no conversation {conversation[:128]!r}.", param="conversation")
    return number


def conversation_of(row: Mapping[str, Any]) -> Conversation:
    given = {name: row[name] for name in ("id", "title", "created_ms", "updated_ms")}
    return Conversation(**given, metadata=msgspec.json.decode(row["metadata"]), snippet=row.get("snippet"))


def get(tables: Tables, owner: str, conversation: str) -> Conversation:
    for row in tables.query("SELECT * FROM conversations WHERE owner = ? AND id = ?", [owner, conversation]):
        return conversation_of(row)
    raise NotFound(f"There is no conversation {conversation[:128]!r}.", param="conversation")


def page(tables: Tables, *, owner: str, after: str | None, limit: int, words: str) -> Page:
    where = "owner = :owner"
    values: dict[str, Any] = {"owner": owner, "limit": limit + 1, "open": MATCHED[0], "close": MATCHED[1]}
    if after is not None:
        last = known_number(tables, owner, after)
        where += " AND (updated_ms, number) < (SELECT updated_ms, number FROM conversations WHERE number = :last)"
        values["last"] = last
    snippet = "NULL"
    if query := _query(words):
        literal = re.sub("([%_~])", r"~\1", words.strip())
        values |= {"query": query, "title": f"%{literal}%"}
        said = "SELECT {} FROM items_words WHERE items_words MATCH :query"
        found = f"SELECT conversation FROM items WHERE number IN ({said.format('rowid')})"
        where += f" AND (number IN ({found}) OR title LIKE :title ESCAPE '~')"
        around = said.format("snippet(items_words, 0, :open, :close, char(8230), 16)")
        snippet = (
            f"({around} AND rowid IN (SELECT number FROM items WHERE conversation = conversations.number) LIMIT 1)"
        )
    rows = tables.query(
        f"SELECT *, {snippet} AS snippet FROM conversations WHERE {where}"
        " ORDER BY updated_ms DESC, number DESC LIMIT :limit",
        values,
    )
    conversations = [conversation_of(row) for row in rows]
    return Page(conversations=conversations[:limit], more=len(conversations) > limit)


def _query(words: str) -> str:
    """All words, the last one as a beginning, in FTS5's language; quoted, so that none of it is an operator."""
    found = re.findall(r"\w+", words)[:32]
    return " ".join(f'"{word}"' for word in found) + "*" if found else ""
