"""Which passages a question finds, and what one owner's search tells of another's documents: nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.store import passages as passages_module
from appliance.store.collections import Collections
from appliance.store.database import Database
from appliance.store.passages import Passages
from store.handed_in import ANNA, BERT, handed_in

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.store.owners import Owner


async def asked(database: Database, owner: Owner, words: str) -> list[tuple[str, int, float]]:
    return [(each.name, each.ordinal, each.score) for each in await Passages(database).search(owner, words)]


async def test_the_matter_of_a_question_is_looked_for(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(
            database, ANNA, "a", ["Which of them, what and how?", "The valve is red.", "Das Ventil ist rot."]
        )
        assert await asked(database, ANNA, "Which colour has the valve, and how is it?") == [("a", 1, 1.0)]
        assert await asked(database, ANNA, "Wo ist das Ventil?") == [("a", 2, 1.0)]
        assert [each[:2] for each in await asked(database, ANNA, "how?")] == [("a", 0)]  # nothing else is asked for
        assert await asked(database, ANNA, "?!") == []


async def test_others_documents_neither_come_nor_change_a_score(tmp_path: Path) -> None:
    texts = ["The valve is red.", "The pump and the valve, the pump and the valve.", "A pump."]
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(database, ANNA, "a", texts)
        before = await asked(database, ANNA, "valve pump")
        assert [score for *_, score in before] == [1.0, 61 / 62, 61 / 63]
        await handed_in(database, BERT, "b", ["A valve, and nothing else."] * 50)
        after = await asked(database, ANNA, "valve pump")
        assert sorted(name for name, *_ in after) == ["a"] * 3
        assert [score for *_, score in after] == [score for *_, score in before]


async def test_words_that_many_passages_have_are_found_together_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passages_module, "MOST_ROWS", 3)
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(database, ANNA, "a", [*["red paint"] * 5, *["a valve"] * 5, "a red valve", "the odd screw"])
        assert [each[1] for each in await asked(database, ANNA, "red valve")] == [10]
        assert [each[1] for each in await asked(database, ANNA, "red valve screw")] == [11]
        assert len(await asked(database, ANNA, "valve of paint")) == 5  # none has both: the rarer one alone
        collection = await Collections(database).create(ANNA)
        found = await Passages(database).search(ANNA, "red valve", collections=[collection.number])
        assert found == []
