"""What passages mean, as vectors: kept as 8-bit numbers in SQLite, and found by their signs in memory.

A vector's signs take a bit each: 200,000 passages of 384 numbers are 10 MB, looked through in some milliseconds without
any extension of SQLite's. The few that agree in most signs are then compared by their numbers, which stay on disk. The
signs are read from the disk bit by bit, when the box is up already.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlite_utils import Database as Tables

    from appliance.store.database import Database

COMPARED: Final = 400
"""Passages whose numbers are compared."""
READ_AT_ONCE: Final = 5_000
"""Vectors that are taken in at a time, in some 20 ms."""
SPARE: Final = 10_000
"""Rows of memory that deleted passages may hold, beside as many as there are."""


@dataclass(frozen=True, slots=True)
class Meant:
    """A passage that waits for its vector; `document` is the document's id."""

    number: int
    document: str
    text: str


class Vectors:
    """Of one model, whose name or digest is `model`; another one's are replaced as time allows."""

    def __init__(self, database: Database, model: str) -> None:
        self._database, self._model = database, model
        self._signs = Signs()

    async def missing(self, after: int, limit: int) -> list[Meant]:
        """Passages behind number `after`, of documents that have been read, without a vector of this model."""

        def query(tables: Tables) -> list[Meant]:
            rows = tables.query(
                "SELECT passages.number, documents.id AS document, text"
                " FROM passages JOIN documents ON documents.number = passages.document"
                " WHERE passages.number > :after AND status = 'ready' AND NOT EXISTS"
                " (SELECT 1 FROM vectors WHERE passage = passages.number AND model = :model)"
                " ORDER BY passages.number LIMIT :limit",
                {"after": after, "model": self._model, "limit": limit},
            )
            return [Meant(**row) for row in rows]

        return await self._database.read(query)

    async def put(self, meant: Sequence[Meant], vectors: Sequence[NDArray[np.float32]]) -> None:
        """Keep the vectors of passages; those that have been deleted meanwhile get none."""
        rows = [
            (self._model, packed(vector), each.number, each.document)
            for each, vector in zip(meant, vectors, strict=True)
        ]

        def change(tables: Tables) -> None:
            tables.conn.executemany(
                "INSERT OR REPLACE INTO vectors (passage, model, vector)"
                " SELECT passages.number, ?, ? FROM passages JOIN documents ON documents.number = document"
                " WHERE passages.number = ? AND documents.id = ?",
                rows,
            )

        await self._database.write(change)

    async def take_in(self) -> None:
        """Read the signs of all vectors that are new."""
        while await self._database.read(self._take_in_some):
            pass

    def _take_in_some(self, tables: Tables) -> bool:
        """Some of them; whether there may be more."""
        with self._signs.lock:
            (count,) = tables.execute("SELECT count(*) FROM vectors").fetchone()
            if len(self._signs.numbers) > 2 * count + SPARE:
                self._signs.clear()
            rows = tables.execute(
                "SELECT vectors.number, document, vector FROM vectors JOIN passages ON passages.number = passage"
                " WHERE vectors.number > ? AND model = ? ORDER BY vectors.number LIMIT ?",
                [self._signs.last, self._model, READ_AT_ONCE],
            ).fetchall()
            self._signs.add(rows)
        return len(rows) == READ_AT_ONCE

    def nearest(self, tables: Tables, vector: NDArray[np.float32], documents: Sequence[int], limit: int) -> list[int]:
        """Numbers of the passages of these documents (by number) that are nearest to a vector, the nearest first."""
        with self._signs.lock:
            signs, numbers, among = self._signs.signs, self._signs.numbers, self._signs.documents
        if not documents or not len(numbers) or signs.shape[1] != width_of(len(vector)):
            return []
        wanted = np.zeros(max(int(among.max()), *documents) + 1, bool)
        wanted[list(documents)] = True
        rows = np.flatnonzero(wanted[among])
        if len(rows) > COMPARED:
            apart = np.bitwise_count(signs[rows] ^ signs_of(vector)).sum(1, dtype=np.uint16)
            rows = rows[np.argpartition(apart, COMPARED)[:COMPARED]]
        if not len(rows):
            return []
        marks = ", ".join("?" * len(rows))
        found = tables.execute(
            f"SELECT passage, vector FROM vectors WHERE number IN ({marks})", numbers[rows].tolist()
        ).fetchall()
        if not found:  # all of them have been deleted
            return []
        near = np.frombuffer(b"".join(small for _, small in found), np.int8).reshape(len(found), -1).astype(np.float32)
        near = near @ vector / np.linalg.norm(near, axis=1)
        return [found[row][0] for row in np.argsort(-near, kind="stable")[:limit]]


class Signs:
    """The signs of vectors, 64 a number; rows are only ever added, so that what was handed out stays as it is."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self.last = 0
        """Number of the newest vector."""
        self.signs = np.empty((0, 0), np.uint64)
        self.numbers = self.documents = np.empty(0, np.int64)

    def add(self, rows: Sequence[tuple[int, int, bytes]]) -> None:
        """Vectors by number, each with its document's number, the oldest first."""
        if not rows:
            return
        numbers, documents, vectors = zip(*rows, strict=True)
        new = np.stack([signs_of(np.frombuffer(vector, np.int8)) for vector in vectors])
        self.last = numbers[-1]
        self.signs = np.concatenate([self.signs, new]) if len(self.numbers) else new
        self.numbers = np.concatenate([self.numbers, np.array(numbers, np.int64)])
        self.documents = np.concatenate([self.documents, np.array(documents, np.int64)])


def packed(vector: NDArray[np.float32]) -> bytes:
    """A vector as 8-bit numbers, the largest of which is 127: only directions are compared."""
    largest = max(float(np.abs(vector).max()), 1e-12)
    return bytes(np.rint(vector * (127 / largest)).astype(np.int8))


def signs_of(vector: NDArray[np.float32] | NDArray[np.int8]) -> NDArray[np.uint64]:
    """Which numbers of a vector are positive, 64 in each; shape (numbers / 64, rounded up)."""
    bits = np.packbits(vector > 0)
    filled = np.zeros(8 * width_of(len(vector)), np.uint8)
    filled[: len(bits)] = bits
    return filled.view(np.uint64)


def width_of(dimensions: int) -> int:
    """Of the signs of a vector, in numbers of 64 bits."""
    return -(-dimensions // 64)
