"""A database with as many passages as are wanted: the project's own documents among other texts, which are made up.

The made-up texts have the words of Python's reference and of its standard library's documentation (200,000 in all),
each as often as there, and names that nobody has heard of, by Zipf's law. A word that only the project's documents or
the questions have is as frequent as the rarest of the others. Each made-up document comes back to a few words of its
own, as real ones do, so that there are many passages that say much of a thing and answer nothing.
"""

from __future__ import annotations

import ast
import os
import re
import sqlite3
from collections import Counter
from pathlib import Path
from pydoc_data.topics import topics
from typing import TYPE_CHECKING, Final

import click
import numpy as np

from appliance.store.database import Database, now_ms
from appliance.store.owners import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from appliance.knowledge.passage import Passage

SHORTEST, LONGEST = 80, 200
"""Words of a made-up passage; the project's own have 140 on average."""
EACH: Final = 100
"""Passages of a made-up document."""
NAMES: Final = 60_000
NAMED: Final = 0.08
"""Of all words."""
OWN: Final = 12
"""Words that a document comes back to."""
RETURNS: Final = 0.12
"""Of its words are those."""
ORDINARY: Final = 60
"""The words that are said most often are nobody's own."""
COLLECTION: Final = "vs_library"
"""All documents are in it."""
_SYLLABLES: Final = tuple(f"{first}{second}" for first in "bdfgklmnprstvz" for second in "aeiou")

Insert = tuple[int, int, str, None, int, str]
Vocabulary = tuple[np.ndarray, np.ndarray]


def fill(path: Path, documents: Mapping[str, Sequence[Passage]], passages: int, said: Sequence[str]) -> None:
    """Make a database with the documents, and so many passages in all. `said`: texts whose words others use too."""
    vocabulary = _vocabulary(said)
    database = Database(path)
    database.open()
    database.close()
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.execute("BEGIN")
        connection.execute(
            "INSERT INTO collections (number, owner, id, name, created_ms) VALUES (1, ?, ?, 'Library', ?)",
            [LOCAL.user, COLLECTION, now_ms()],
        )
        own = sum(map(len, documents.values()))
        # In the middle of the others, so that neither the first nor the last ones are favoured.
        before = max(0, passages - own) // 2 // EACH * EACH
        _add_made_up(connection, 1, before, vocabulary)
        first = before // EACH + 1
        for number, (name, each) in enumerate(documents.items(), first):
            _add_document(connection, number, name, len(each))
            connection.executemany(
                "INSERT INTO passages (document, ordinal, heading, page, start, text) VALUES (?, ?, ?, ?, ?, ?)",
                [(number, one.ordinal, one.heading, one.page, one.start, one.text) for one in each],
            )
        _add_made_up(connection, first + len(documents), passages - own - before, vocabulary)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()


def _add_document(connection: sqlite3.Connection, number: int, name: str, passages: int) -> None:
    connection.execute(
        "INSERT INTO documents (number, owner, id, name, purpose, bytes, sha256, status, passages, created_ms)"
        " VALUES (?, ?, ?, ?, 'assistants', 1, '', 'ready', ?, ?)",
        [number, LOCAL.user, f"file_{number}", name, passages, now_ms()],
    )
    connection.execute("INSERT INTO members VALUES (1, ?, ?)", [number, now_ms()])


def _add_made_up(connection: sqlite3.Connection, number: int, passages: int, vocabulary: Vocabulary) -> None:
    words, shares = vocabulary
    rng = np.random.default_rng(number)
    for start in range(0, passages, EACH):
        count = min(EACH, passages - start)
        if start % 10_000 == 0:
            click.echo(f"{start} of {passages} passages made", err=True)
        _add_document(connection, number, f"{number}.txt", count)
        connection.executemany(
            "INSERT INTO passages (document, ordinal, heading, page, start, text) VALUES (?, ?, ?, ?, ?, ?)",
            _made_up(rng, number, count, words, shares),
        )
        number += 1


def _made_up(
    rng: np.random.Generator, number: int, count: int, words: np.ndarray, shares: np.ndarray
) -> Iterator[Insert]:  # fmt: skip
    own = np.searchsorted(shares, rng.uniform(shares[ORDINARY], 1, OWN))
    lengths = rng.integers(SHORTEST, LONGEST + 1, count)
    drawn = np.searchsorted(shares, rng.random(lengths.sum()))
    again = rng.random(len(drawn)) < RETURNS
    drawn[again] = rng.choice(own, again.sum())
    heading = " ".join(words[own[:3]])
    ends = np.cumsum(lengths)
    for ordinal, (end, length) in enumerate(zip(ends, lengths, strict=True)):
        yield number, ordinal, heading, None, 0, " ".join(words[drawn[end - length : end]])


def _vocabulary(said: Sequence[str]) -> Vocabulary:
    """All words, the most frequent first and the names last, and the sums of their shares up to each."""
    counts = Counter(word for text in _written() for word in _words(text))
    counts.update({word for text in said for word in _words(text)} - set(counts))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    names = [
        f"{first}{second}{third}{last}"
        for first in _SYLLABLES[::3]
        for second in _SYLLABLES[::7]
        for third in _SYLLABLES[::3]
        for last in _SYLLABLES[::5]
    ]
    names = (names * (NAMES // len(names) + 1))[:NAMES]
    spoken = np.array([count for _, count in ordered], dtype=float)
    named = 1 / np.arange(10, NAMES + 10)
    shares = np.concatenate([(1 - NAMED) * spoken / spoken.sum(), NAMED * named / named.sum()])
    sums = np.cumsum(shares)
    return np.array([*(word for word, _ in ordered), *names], dtype=object), sums / sums[-1]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _written() -> Iterator[str]:
    """Python's reference, and what its standard library says of itself."""
    yield from topics.values()
    for file in sorted(Path(os.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                yield ast.get_docstring(node) or ""
