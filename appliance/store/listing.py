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


MOST_MATCHES: Final = 5_000
"""Messages that a search looks at, the newest first."""
MOST_WORDS: Final = 32
LEAST_PREFIX: Final = 3
"""Letters of a beginning of a word that is looked for; shorter ones begin too many words."""


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
    if words.strip():
        literal = re.sub("([%_~])", r"~\1", words.strip())
        values |= {"query": _query(words), "title": f"%{literal}%", "most": MOST_MATCHES}
        said = "SELECT {} FROM items_words {} WHERE items_words MATCH :query"
        joined = "JOIN items ON items.number = items_words.rowid JOIN conversations AS own ON own.number = conversation"
        found = f"{said.format('conversation', joined)} AND owner = :owner ORDER BY items_words.rowid DESC LIMIT :most"
        where += f" AND (title LIKE :title ESCAPE '~' OR number IN ({found}))"
        around = said.format("snippet(items_words, 0, :open, :close, char(8230), 16)", "")
        snippet = f"({around} AND rowid IN (SELECT number FROM items WHERE conversation = shown.number) LIMIT 1)"
    rows = tables.query(
        # nested, so that words are cut out only of what is shown
        f"SELECT *, {snippet} AS snippet FROM (SELECT * FROM conversations WHERE {where}"
        " ORDER BY updated_ms DESC, number DESC LIMIT :limit) AS shown",
        values,
    )
    conversations = [conversation_of(row) for row in rows]
    return Page(conversations=conversations[:limit], more=len(conversations) > limit)


def _query(words: str) -> str:
    """All words, the last one as a beginning if it is long enough to say something, in FTS5's language.

    They are quoted, so that none of them is an operator.
    """
    found = re.findall(r"\w+", words)[:MOST_WORDS]
    if not found:
        return '""'
    return " ".join(f'"{word}"' for word in found) + ("*" if len(found[-1]) >= LEAST_PREFIX else "")
