"""Vectors of passages: kept, found again among many, and gone with their passages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from appliance.store.collections import Collections
from appliance.store.database import Database
from appliance.store.documents import Documents
from appliance.store.passages import Passages, fused
from appliance.store.vectors import COMPARED, Vectors, packed, signs_of
from store.handed_in import ANNA, BERT, handed_in

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RNG = np.random.default_rng(7)


def some(count: int) -> NDArray[np.float32]:
    made = RNG.normal(size=(count, 96)).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True))


async def embedded(vectors: Vectors, made: NDArray[np.float32]) -> None:
    meant = await vectors.missing(0, len(made))
    assert len(meant) == len(made)
    await vectors.put(meant, list(made))
    await vectors.take_in()


async def nearest(database: Database, vectors: Vectors, vector: NDArray[np.float32], words: str = "") -> list[str]:
    found = await Passages(database, vectors).search(ANNA, words, vector=vector, limit=3)
    return [f"{each.name} {each.ordinal}" for each in found]


async def test_the_nearest_of_many_is_found(tmp_path: Path) -> None:
    count = 3 * COMPARED
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(database, ANNA, "a", [f"word{number}" for number in range(count)])
        vectors, made = Vectors(database, "m"), some(count)
        await embedded(vectors, made)
        for wanted in (0, 77, count - 1):
            asked = made[wanted] + 0.05 * RNG.normal(size=96).astype(np.float32)
            assert (await nearest(database, vectors, asked))[0] == f"a {wanted}"
        assert await nearest(database, vectors, np.ones(32, np.float32)) == []  # of another model
        again = Vectors(database, "m")  # after a restart they are read from the disk
        assert await nearest(database, again, made[5]) == []
        await again.take_in()
        assert (await nearest(database, again, made[5]))[0] == "a 5"


async def test_only_the_owner_and_the_collection_are_looked_through(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db").running() as database:
        for owner, name in ((ANNA, "mine"), (BERT, "his"), (ANNA, "other")):
            await handed_in(database, owner, name, ["one", "two"])
        vectors, made = Vectors(database, "m"), some(6)
        await embedded(vectors, made)
        assert sorted(await nearest(database, vectors, made[2])) != []
        assert not any(each.startswith("his") for each in await nearest(database, vectors, made[2]))
        collection = await Collections(database).create(ANNA, documents=["other"])
        found = await Passages(database, vectors).search(
            ANNA, "", collections=[collection.number], vector=made[0], limit=9
        )
        assert {each.name for each in found} == {"other"}


async def test_deleted_passages_are_found_no_more(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db").running() as database:
        documents = Documents(database)
        await handed_in(database, ANNA, "a", ["one", "two"])
        await handed_in(database, ANNA, "b", ["three"])
        vectors, made = Vectors(database, "m"), some(3)
        waiting = await vectors.missing(0, 9)
        await vectors.put(waiting, list(made))
        await vectors.take_in()
        gone = await documents.delete(ANNA, "b")
        assert await nearest(database, vectors, made[2]) == ["a 0", "a 1"] or await nearest(
            database, vectors, made[2]
        ) == ["a 1", "a 0"]
        await documents.remove(gone)
        left = await database.read(lambda tables: tables.execute("SELECT count(*) FROM vectors").fetchone()[0])
        assert left == 2
        await handed_in(database, ANNA, "c", ["four"])  # takes the number of the passage that went
        assert all(not each.startswith("c") for each in await nearest(database, vectors, made[2]))
        await vectors.put(waiting, list(made))  # came late: the passage is another one's now
        assert [each.document for each in await vectors.missing(0, 9)] == ["c"]


async def test_another_model_makes_them_anew(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(database, ANNA, "a", ["one", "two"])
        made = some(2)
        await embedded(Vectors(database, "old"), made)
        vectors = Vectors(database, "new")
        await vectors.take_in()
        assert await nearest(database, vectors, made[0]) == []
        assert len(await vectors.missing(0, 9)) == 2
        await embedded(vectors, made[::-1])
        assert (await nearest(database, vectors, made[0]))[0] == "a 1"
        assert await vectors.missing(0, 9) == []


async def test_words_and_meaning_are_put_together(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(database, ANNA, "a", ["red", "blue", "red car"])
        vectors, made = Vectors(database, "m"), some(3)
        made[0] = -made[2]
        await embedded(vectors, made)
        found = await nearest(database, vectors, made[2], "red")
        assert found[0] == "a 2"  # second by its words, first by what it means
        assert len(found) == 3


def test_orders_are_fused_by_rank() -> None:
    assert fused([1, 2, 3], [3, 1]) == [1, 3, 2]
    assert fused([], [7, 8]) == [7, 8]
    assert fused([7, 8], []) == [7, 8]
    assert fused([4], [5]) == [5, 4], "what it means counts for more"


@pytest.mark.parametrize("size", [3, 64, 100])
def test_signs_fill_whole_numbers(size: int) -> None:
    vector = np.where(np.arange(size) % 2, 1.0, -1.0).astype(np.float32)
    assert int(np.bitwise_count(signs_of(vector)).sum()) == size // 2
    assert packed(vector * 5)[:3] == bytes([129, 127, 129])
