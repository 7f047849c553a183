"""A passage is given with what stands around it, and nothing is given twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.errors import NotFound
from appliance.store import surroundings
from appliance.store.database import Database
from appliance.store.documents import Documents, Passage
from appliance.store.passages import Found, Passages
from store.handed_in import ANNA, BERT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


async def handed_in(database: Database, passages: Sequence[tuple[str, str, int]], name: str = "a") -> None:
    """Passages of a document: heading, text, start; a page each."""
    documents = Documents(database)
    document = await documents.add(ANNA, name, name=name, purpose="assistants", size=1, sha256="")
    await documents.begin(document)
    made = [
        Passage(ordinal=at, heading=heading, page=at + 1, start=start, text=text)
        for at, (heading, text, start) in enumerate(passages)
    ]
    assert await documents.put(document, made)
    await documents.finish(document)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "WORDS", 8)


async def found(database: Database, words: str, limit: int = 10) -> list[Found]:
    return await Passages(database).search(ANNA, words, limit=limit, around=True)


async def test_both_sides_are_given_as_far_as_there_is_room(tmp_path: Path) -> None:
    texts = ["one two three", "four five", "six seven", "eight nine", "ten eleven twelve"]
    starts = [0, 14, 25, 35, 47]
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(database, [("h", text, start) for text, start in zip(texts, starts, strict=True)])
        (one,) = await found(database, "six")
        assert one.text == "four five\n\nsix seven\neight nine"
        (alone,) = await Passages(database).search(ANNA, "six")
        assert (alone.text, alone.ordinal, alone.page, alone.start) == ("six seven", 2, 3, 25)
        assert replace(one, text=alone.text) == alone


async def test_another_heading_is_where_it_ends(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(database, [("h", "one", 0), ("i", "two", 5), ("i", "three", 10), ("h", "four", 17)])
        assert [each.text for each in await found(database, "two")] == ["two\n\nthree"]


async def test_what_is_said_in_both_of_two_passages_is_given_once(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(database, [("h", "a b. c d.", 0), ("h", "c d. e f.", 5)])
        assert [each.text for each in await found(database, "e")] == ["a b. c d. e f."]


async def test_what_was_given_with_a_better_one_makes_room(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(
            database, [("h", "valve pump", 0), ("h", "a valve, red", 12), ("h", "five words of no matter", 26)]
        )
        await handed_in(database, [("h", "the valve of the other one", 0)], "b")
        first, second = await found(database, "valve pump", 2)
        assert (first.name, first.text) == ("a", "valve pump\n\na valve, red")
        assert second.name == "b"
        assert [each.name for each in await Passages(database).search(ANNA, "valve pump", limit=2)] == ["a", "a"]


async def test_stretches_do_not_overlap(tmp_path: Path) -> None:
    texts = ["red valve", "two words", "three words here", "blue valve"]
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(database, [("h", text, 20 * at) for at, text in enumerate(texts)])
        given = [each.text for each in await found(database, "valve")]
        assert sorted(line for text in given for line in text.split("\n") if line) == sorted(texts)
        assert len(given) == 2


async def test_a_text_without_spaces_has_words_too(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(database, [("h", "字" * 4, 0), ("h", "valve", 6), ("h", "字" * 4, 13)])
        assert [each.text for each in await found(database, "valve")] == ["字" * 4 + "\n\nvalve"]


async def test_as_many_are_given_as_are_wanted(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(database, [("h", "valve one two", 20 * at) for at in range(60)])
        assert len(await found(database, "valve", 5)) == 5
        assert len(await found(database, "valve", 25)) == 25


async def test_one_is_looked_up_in_its_place(tmp_path: Path) -> None:
    passages = [("g", "zero", 0), ("h", "a. c.", 6), ("h", "c. e.", 9), ("h", "e. g.", 12), ("i", "end", 18)]
    async with Database(tmp_path / "a.db").running() as database:
        await handed_in(database, passages)
        documents = Documents(database)
        document, one = await documents.passage(ANNA, "a", 2)
        assert (document.name, one.heading, one.page, one.start) == ("a", "h", 3, 9)
        assert (one.before, one.text, one.after) == ("a. ", "c. e.", " g.")
        _, alone = await documents.passage(ANNA, "a", 4)
        assert (alone.before, alone.text, alone.after) == ("", "end", "")
        with pytest.raises(NotFound, match="no passage 5"):
            await documents.passage(ANNA, "a", 5)
        with pytest.raises(NotFound, match="no file"):
            await documents.passage(BERT, "a", 2)
