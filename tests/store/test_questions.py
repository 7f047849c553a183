"""The benchmark's questions can be answered, and its made-up library is such as the store itself reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.store.collections import Collections
from appliance.store.database import Database
from appliance.store.owners import LOCAL
from appliance.store.passages import Passages
from benchmarks.library import COLLECTION, fill
from benchmarks.questions import Place, Question, documents, questions, rank, score

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.knowledge.passage import Passage


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def own() -> dict[str, list[Passage]]:
    return await documents()


async def test_the_documents_still_answer_every_question(own: dict[str, list[Passage]]) -> None:
    asked = questions()
    assert len({each.question for each in asked}) == len(asked) >= 80
    assert [each.held for each in asked] == [number % 4 == 3 for number in range(len(asked))]
    lost = [
        place
        for each in asked
        for place in each.answers
        if not any(place.is_in(place.document, passage.text) for passage in own.get(place.document, ()))
    ]
    assert not lost, "their documents have other words now: give the phrases that answer these questions"


async def test_the_library_is_found_as_any_other(tmp_path: Path, own: dict[str, list[Passage]]) -> None:
    count = 1_000
    fill(tmp_path / "appliance.db", own, count, ["the quetzalcoatl said so"])
    async with Database(tmp_path / "appliance.db").running() as database:
        library = await Collections(database).get(LOCAL, COLLECTION)
        assert dict(library.counts).keys() == {"ready"}
        made = await database.read(lambda tables: tables.execute("SELECT count(*) FROM passages").fetchone()[0])
        assert made == count
        found = await Passages(database).search(LOCAL, "GOMP_SPINCOUNT", collections=[library.number])
        assert found[0].name.endswith("cpu-decoding.md")
        common = await Passages(database).search(LOCAL, "the object", collections=[library.number], limit=50)
        assert len(common) == 50


def test_ranks_are_counted_from_one() -> None:
    question = Question("Where?", held=False, answers=(Place("a.md", "over  There"),))
    assert rank(question, [("b.md", "over there"), ("a.md", "it is\nOVER there.")]) == 2
    assert rank(question, [("a.md", "here")]) is None
    found = score([1, 2, 6, None])
    assert (found.first, found.five, found.reciprocal) == (0.25, 0.5, (1 + 1 / 2 + 1 / 6) / 4)
