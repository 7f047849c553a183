"""What vectors add to a search by words: the same questions with both, and what that costs among many passages.

The made-up passages have vectors drawn at random, since making real ones would take hours and they mean nothing: they
show what a search costs, not how well it finds.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio
import click
import numpy as np

from appliance import settings
from appliance.engines.host import EngineHost
from appliance.engines.specs import Encoder
from appliance.engines.status import Probe
from appliance.jobs import Embed
from appliance.knowledge.meaning import Meaning
from appliance.store.database import Database
from appliance.store.owners import LOCAL
from appliance.store.passages import Passages
from appliance.store.vectors import Vectors, packed
from benchmarks.figures import Figure, spread
from benchmarks.questions import rank, score

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.questions import Question

MODEL: Final = "benchmark"
READY_SECONDS: Final = 120
PATIENT_MS: Final = 60_000
LOOKED_AT: Final = 10


def measure(encoder: Path, alone: Path, among: Path, asked: list[Question], times: int) -> Iterator[Figure]:
    """The figures with vectors, of two databases that are filled already."""
    vectors: list[NDArray[np.float32]] = []
    ranks: dict[bool, list[int | None]] = {False: [], True: []}
    narrow: list[int | None] = []
    questions: list[float] = []
    searches: list[float] = []
    made = taken = 0.0
    count = 0

    async def ask() -> None:
        nonlocal made, count
        async with (
            _stage(encoder) as stage,
            Database(alone / "appliance.db").running() as database,
            anyio.create_task_group() as tasks,
        ):
            kept = Vectors(database, MODEL)
            meaning = Meaning(stage, kept, PATIENT_MS)
            count = len(await kept.missing(0, 1_000_000))
            began = time.perf_counter()
            tasks.start_soon(meaning.run)
            with anyio.fail_after(PATIENT_MS / 100):
                while await kept.missing(0, 1):  # noqa: ASYNC110 - nobody is told
                    await anyio.sleep(0.1)
            made = time.perf_counter() - began
            passages = Passages(database, kept)
            await kept.take_in()
            for each in asked:
                began = time.perf_counter()
                vector = await meaning.of(each.question)
                questions.append(time.perf_counter() - began)
                if vector is None:
                    raise click.ClickException("the model has made no vector of a question")
                vectors.append(vector)
                for around, kept_in in ((True, ranks[each.held]), (False, narrow)):
                    found = await passages.search(LOCAL, each.question, vector=vector, limit=LOOKED_AT, around=around)
                    kept_in.append(rank(each, [(one.name, one.text) for one in found]))
            tasks.cancel_scope.cancel()

    async def search() -> None:
        nonlocal taken
        async with Database(among / "appliance.db").running() as database:
            kept = Vectors(database, MODEL)
            began = time.perf_counter()
            await kept.take_in()
            taken = time.perf_counter() - began
            passages = Passages(database, kept)
            for number in range(times + 1):
                for each, vector in zip(asked, vectors, strict=True):
                    began = time.perf_counter()
                    await passages.search(LOCAL, each.question, vector=vector, limit=LOOKED_AT, around=True)
                    if number:  # the first time warms
                        searches.append(time.perf_counter() - began)

    anyio.run(ask)
    every = score(ranks[False] + ranks[True])
    yield Figure("retrieval_alone_with_vectors_recall_1", every.first)
    yield Figure("retrieval_alone_with_vectors_recall_5", every.five, at_least=0.85)
    yield Figure("retrieval_alone_with_vectors_reciprocal_rank", every.reciprocal)
    yield Figure("retrieval_alone_with_vectors_recall_5_held_back", score(ranks[True]).five)
    yield Figure("retrieval_alone_with_vectors_recall_5_of_passages_alone", score(narrow).five)
    yield Figure("retrieval_vector_of_a_passage", 1000 * made / count, "ms")
    yield from spread("retrieval_vector_of_a_question", questions)
    many = _drawn(among / "appliance.db", len(vectors[0]))
    anyio.run(search)
    yield Figure(f"retrieval_signs_of_{many}_taken_in", taken, "s")
    yield from spread(f"retrieval_among_{many}_with_vectors_search", searches, at_most=50)


@asynccontextmanager
async def _stage(encoder: Path) -> AsyncIterator[EngineHost]:
    spec = Encoder(name=MODEL, path=str(encoder))
    host = EngineHost("embed", spec, Probe(Embed(texts=["Ready."], priority="typed")), settings.Settings())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(host.run)
        with anyio.fail_after(READY_SECONDS):
            while host.status.state != "ready":  # noqa: ASYNC110 - nobody is told
                await anyio.sleep(0.05)
        yield host
        tasks.cancel_scope.cancel()


def _drawn(file: Path, dimensions: int) -> int:
    """Give each passage a vector; how many there are."""
    rng = np.random.default_rng(1)
    connection = sqlite3.connect(file)
    try:
        numbers = [number for (number,) in connection.execute("SELECT number FROM passages")]
        connection.executemany(
            "INSERT INTO vectors (passage, model, vector) VALUES (?, ?, ?)",
            ((number, MODEL, packed(rng.normal(size=dimensions).astype(np.float32))) for number in numbers),
        )
        connection.commit()
    finally:
        connection.close()
    return len(numbers)
