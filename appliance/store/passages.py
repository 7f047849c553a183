"""Finding what documents say: BM25 over the words of all passages (SQLite's FTS5; Robertson and Zaragoza, 2009).

A question is mostly words that say nothing ("what is the …"); those are left out. Of the others any will do, the rarest
first, as long as few enough passages have them: every passage with one of them is looked at, so that bounds the work.
Where there are vectors of what passages mean (`vectors`), their order is put together with that of the words.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.store.function_words import FUNCTION_WORDS
from appliance.store.surroundings import widened

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from sqlite_utils import Database as Tables

    from appliance.store.database import Database
    from appliance.store.owners import Owner
    from appliance.store.vectors import Vectors

MOST_WORDS: Final = 64
"""Of a question that are looked at."""
MOST_TERMS: Final = 12
"""That are looked for."""
MOST_ROWS: Final = 10_000
"""Passages that are looked at; more only where even the rarest word has more. At 1.6 µs each."""
TOKENIZER: Final = "porter unicode61 remove_diacritics 2"
"""As in the migration that makes the index."""
HEADING_WEIGHT: Final = 0.6
"""Of a word in a heading, against 1 in the text."""
FUSED: Final = 50
"""Of each order, that are put together."""
MERGED: Final = 4
"""Passages that may be given as one, together with what stands around them."""
AHEAD: Final = 8
"""Ranks before the first, where orders are fused: the larger, the less it counts to be first in one. 5 to 10 found most
of 72 questions (docs/decisions/2026-11-26-retrieval.md); the usual 60 is for longer lists."""
MEANING_WEIGHT: Final = 1.25
"""Of the order by meaning, against 1 of that by words."""
SPREAD: Final = 60
"""The same for the scores that are given out, which differ little."""
WORD: Final = re.compile(r"[^\W_]+")
"""As the tokenizer has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A passage that answers a question, the best first. `score` is larger for better ones."""

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

    def __init__(self, database: Database, vectors: Vectors | None = None) -> None:
        self._database, self._vectors = database, vectors

    async def search(
        self,
        owner: Owner,
        words: str,
        *,
        collections: Sequence[int] | None = None,
        limit: int = 10,
        around: bool = False,
        vector: NDArray[np.float32] | None = None,
    ) -> list[Found]:
        """Of the owner's documents that have been read; with `collections` (their numbers) only of theirs.

        `around`: each is given with what stands around it (`surroundings`). `vector`: what `words` mean.
        """
        among = Among(owner, collections)

        def query(tables: Tables) -> list[Found]:
            most = max(MERGED * limit if around else limit, FUSED)
            by_word = by_words(tables, words, among, most)
            by_meaning: list[int] = []
            if vector is not None and self._vectors is not None:
                documents = [number for (number,) in tables.execute(among.documents, among.values)]
                by_meaning = self._vectors.nearest(tables, vector, documents, most)
            order = fused(by_word, by_meaning)
            if not around:
                return described(tables, order[:limit], among)
            return widened(tables, owner, described(tables, order, among), limit)

        return await self._database.read(query)


class Among:
    """Whose documents, and of which collections, as a condition of SQL's."""

    def __init__(self, owner: Owner, collections: Sequence[int] | None) -> None:
        names = {f"c{at}": number for at, number in enumerate(collections or ())}
        self.values: dict[str, object] = {"owner": owner.user, **names}
        self.condition = "owner = :owner AND status = 'ready'"
        if collections is not None:
            self.condition += (
                " AND EXISTS (SELECT 1 FROM members WHERE document = documents.number"
                f" AND collection IN ({', '.join(f':{name}' for name in names)}))"
            )

    @property
    def documents(self) -> str:
        """The query for their numbers."""
        return f"SELECT number FROM documents WHERE {self.condition}"


def by_words(tables: Tables, words: str, among: Among, limit: int) -> list[int]:
    """Numbers of the passages that are best by BM25, the best first."""
    for expression in expressions(tables, words):
        # Sorted by `rank` the index has all it needs; by bm25(), a row's text is read too: five times as long.
        # CROSS JOIN: the index goes first, so that no more passages are read than are wanted.
        rows = tables.execute(
            "SELECT passages.number FROM passages_words"
            " CROSS JOIN passages ON passages.number = passages_words.rowid"
            " CROSS JOIN documents ON documents.number = passages.document"
            " WHERE passages_words MATCH :query AND passages_words.rank MATCH :rank"
            f" AND {among.condition} ORDER BY passages_words.rank LIMIT :limit",
            {**among.values, "query": expression, "rank": f"bm25(1.0, {HEADING_WEIGHT})", "limit": limit},
        ).fetchall()
        if rows:
            return [number for (number,) in rows]
    return []


def fused(by_word: Sequence[int], by_meaning: Sequence[int]) -> list[int]:
    """Two orders in one: each gives a passage its weight / (8 + rank) (Cormack, Clarke and Büttcher, 2009)."""
    scores: dict[int, float] = {}
    for order, weight in ((by_word, 1.0), (by_meaning, MEANING_WEIGHT)):
        for rank, number in enumerate(order, 1):
            scores[number] = scores.get(number, 0.0) + weight / (AHEAD + rank)
    return sorted(scores, key=lambda number: -scores[number])


def described(tables: Tables, numbers: Sequence[int], among: Among) -> list[Found]:
    """Passages by number, in this order, without those that are not among these documents.

    `score` is 61 / (60 + rank): BM25's own figures depend on how many passages of the whole box have a word, so they
    would tell one owner what others' documents say.
    """
    # CROSS JOIN: by their numbers; with more than a few, SQLite would rather read all documents first.
    marks = {f"n{at}": number for at, number in enumerate(numbers)}
    rows = tables.query(
        "SELECT passages.number, documents.id AS document, name, ordinal, passages.heading, page, start, passages.text"
        " FROM passages CROSS JOIN documents ON documents.number = passages.document"
        f" WHERE passages.number IN ({', '.join(f':{mark}' for mark in marks)}) AND {among.condition}",
        {**among.values, **marks},
    )
    found = {row.pop("number"): row for row in rows}
    there = [found[number] for number in numbers if number in found]
    return [Found(**row, score=(SPREAD + 1) / (SPREAD + rank)) for rank, row in enumerate(there, 1)]


def expressions(tables: Tables, words: str) -> list[str]:
    """What to look for, in FTS5's words; the second only where the first finds nothing."""
    asked = list(dict.fromkeys(word.lower() for word in WORD.findall(words)))[:MOST_WORDS]
    asked = [word for word in asked if word not in FUNCTION_WORDS] or asked
    counts = _counts(tables, asked)
    rarest = sorted(counts, key=lambda word: counts[word])[:MOST_TERMS]
    if not rarest:
        return []
    first = f'"{rarest[0]}"'
    if counts[rarest[0]] > MOST_ROWS:  # the fewer passages are scored, the better: those that have all words
        return [" AND ".join(f'"{word}"' for word in rarest), first]
    rows, telling = counts[rarest[0]], [first]
    for word in rarest[1:]:
        rows += counts[word]
        if rows > MOST_ROWS:
            break
        telling.append(f'"{word}"')
    return [" OR ".join(telling)]


def _counts(tables: Tables, words: Sequence[str]) -> dict[str, int]:
    """How many passages have each word; words that none has are left out."""
    counts = {}
    for word, stem in zip(words, _stems(words), strict=True):
        row = tables.execute("SELECT doc FROM passages_terms WHERE term = ?", [stem]).fetchone()
        if row is not None:
            counts[word] = int(row[0])
    return counts


def _stems(words: Sequence[str]) -> list[str]:
    """Words as the index has them; its own tokenizer is asked."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f"CREATE VIRTUAL TABLE said USING fts5(word, tokenize = '{TOKENIZER}')")
        connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(said, instance)")
        connection.executemany("INSERT INTO said (rowid, word) VALUES (?, ?)", list(enumerate(words, 1)))
        stems = dict(connection.execute("SELECT doc, term FROM terms ORDER BY doc, offset DESC"))
    finally:
        connection.close()
    return [stems.get(number, "") for number in range(1, len(words) + 1)]
