"""Finding what documents say: BM25 over the words of all passages (SQLite's FTS5; Robertson and Zaragoza, 2009).

A question is mostly words that say nothing ("what is the …"). They are told from the others by how many passages have
them, so that no list of any language is needed: of the words that are rare enough the rarest are looked for, and any of
them will do. That also bounds the work.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_utils import Database as Tables

    from appliance.store.database import Database
    from appliance.store.owners import Owner

MOST_WORDS: Final = 64
"""Of a question that are looked at."""
MOST_TERMS: Final = 12
"""That are looked for."""
COMMON_SHARE: Final = 0.1
"""A word that more passages have than this share of all says nothing, if there are others."""
COMMON_LEAST: Final = 200
"""In few passages no word is common."""
TOKENIZER: Final = "porter unicode61 remove_diacritics 2"
"""As in the migration that makes the index."""
HEADING_WEIGHT: Final = 0.6
"""Of a word in a heading, against 1 in the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A passage that answers a question, the best first. `score` is BM25's, larger is better."""

    document: str
    name: str
    ordinal: int
    heading: str
    page: int | None
    start: int
    text: str
    score: float


class Passages:
    """All passages of the box."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def search(
        self, owner: Owner, words: str, *, collections: Sequence[int] | None = None, limit: int = 10
    ) -> list[Found]:
        """Of the owner's documents that have been read; with `collections` (their numbers) only of theirs."""

        def query(tables: Tables) -> list[Found]:
            if not (terms := telling_terms(tables, words)):
                return []
            among = "SELECT number FROM documents WHERE owner = :owner AND status = 'ready'"
            values: dict[str, object] = {
                "owner": owner.user, "limit": limit, "weight": HEADING_WEIGHT,
                "query": " OR ".join(f'"{term}"' for term in terms),
            }  # fmt: skip
            if collections is not None:
                names = {f"c{at}": number for at, number in enumerate(collections)}
                values |= names
                inside = ", ".join(f":{name}" for name in names)
                among += f" AND number IN (SELECT document FROM members WHERE collection IN ({inside}))"
            rows = tables.query(
                "SELECT documents.id AS document, name, ordinal, passages.heading, page, start, passages.text,"
                " -bm25(passages_words, 1.0, :weight) AS score"
                " FROM passages_words JOIN passages ON passages.number = passages_words.rowid"
                " JOIN documents ON documents.number = passages.document"
                f" WHERE passages_words MATCH :query AND passages.document IN ({among})"
                " ORDER BY bm25(passages_words, 1.0, :weight) LIMIT :limit",
                values,
            )
            return [Found(**row) for row in rows]

        return await self._database.read(query)


def telling_terms(tables: Tables, words: str) -> list[str]:
    """The words of a question that are worth looking for, the rarest first."""
    asked = list(dict.fromkeys(word.lower() for word in re.findall(r"\w+", words)))[:MOST_WORDS]
    if not asked:
        return []
    (total,) = tables.execute("SELECT coalesce(sum(passages), 0) FROM documents").fetchone()
    counts = {}
    for word, stem in zip(asked, _stems(asked), strict=True):
        row = tables.execute("SELECT doc FROM passages_terms WHERE term = ?", [stem]).fetchone()
        if row is not None:
            counts[word] = int(row[0])
    rarest = sorted(counts, key=lambda word: counts[word])
    telling = [word for word in rarest if counts[word] <= max(COMMON_LEAST, total * COMMON_SHARE)]
    return (telling or rarest[:1])[:MOST_TERMS]


def _stems(words: Sequence[str]) -> list[str]:
    """Words as the index has them; its own tokenizer is asked."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(
            "CREATE VIRTUAL TABLE said USING fts5(word, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(said, instance)")
        connection.executemany("INSERT INTO said (rowid, word) VALUES (?, ?)", list(enumerate(words, 1)))
        stems = dict(connection.execute("SELECT doc, term FROM terms ORDER BY doc, offset DESC"))
    finally:
        connection.close()
    return [stems.get(number, "") for number in range(1, len(words) + 1)]
