"""A database with as many conversations as are wanted: the real tables, made-up words."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

import click
import numpy as np

from appliance.store.database import Database, now_ms
from appliance.store.owners import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORDS: Final = 12
"""Of an item."""
SYLLABLES: Final = tuple(f"{first}{second}" for first in "bdfgklmnprstvz" for second in "aeiou")
VOCABULARY: Final = tuple(
    f"{first}{second}{third}" for first in SYLLABLES[::7] for second in SYLLABLES for third in SYLLABLES[::3]
)
COMMON: Final = VOCABULARY[0]
"""The word that is said most often."""
RARE: Final = "quetzalcoatl"
"""One that is said once; nothing else begins so."""
TOGETHER: Final = 10_000
"""Conversations that are made up at a time."""


def conversation_id(number: int) -> str:
    """Of the conversation that is `number` by age, from 0."""
    return f"conv_{number:08d}"


def fill(path: Path, conversations: int, items: int) -> None:
    """Make a database with so many conversations, all of one user, each of so many items."""
    database = Database(path)
    database.open()
    database.close()
    rng = np.random.default_rng(1)
    begun = now_ms() - conversations * 60_000
    share = 1 / np.arange(2, len(VOCABULARY) + 2)  # by Zipf's law, as in speech
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for start in range(0, conversations, TOGETHER):
            click.echo(f"{start} of {conversations} conversations made", err=True)
            numbers = range(start, min(start + TOGETHER, conversations))
            connection.executemany(
                "INSERT INTO conversations (number, owner, id, role, title, created_ms, updated_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (number + 1, LOCAL.user, conversation_id(number), LOCAL.role, f"Conversation {number}",
                     begun + number * 60_000, begun + number * 60_000)
                    for number in numbers
                ),
            )  # fmt: skip
            drawn = rng.choice(len(VOCABULARY), (len(numbers), items, WORDS), p=share / share.sum())
            connection.executemany(
                "INSERT INTO items (conversation, id, place, kind, role, status, words, created_ms)"
                " VALUES (?, ?, ?, 'message', ?, 'completed', ?, ?)",
                _items(numbers, drawn.tolist(), conversations // 2, begun),
            )
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()


def _items(
    numbers: range, drawn: list[list[list[int]]], rare: int, begun: int
) -> Iterator[tuple[int, str, int, str, str, int]]:  # fmt: skip
    """Rows; the rare word is in the first item of conversation `rare`."""
    for number, each in zip(numbers, drawn, strict=True):
        for place, item in enumerate(each):
            words = " ".join([VOCABULARY[word] for word in item])
            if number == rare and place == 0:
                words = f"{words} {RARE}"
            role = "assistant" if place % 2 else "user"
            yield number + 1, f"msg_{place}", place + 1, role, words, begun + number * 60_000 + place
