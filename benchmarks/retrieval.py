"""How well and how fast documents are found: questions about the project, asked of its own documents.

They are asked of the documents alone, and again when the documents lie among 200,000 passages of other texts.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import click
import httpx

from appliance.store.database import Database
from appliance.store.owners import LOCAL
from appliance.store.passages import Passages
from benchmarks import meaning
from benchmarks.figures import Figure, spread
from benchmarks.library import COLLECTION, fill
from benchmarks.memory import LIVE_SECONDS, served
from benchmarks.questions import documents, questions, rank, score

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.questions import Question

LOOKED_AT: Final = 10
"""Passages that a search gives, each with what stands around it, as the search door gives them."""
COMMON: Final = ("which object is the value of the class", "time", "set the type", "How long does it take?", "new name")
"""Questions of words that many passages have."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """How many passages there are, and how often each thing is measured."""

    passages: int
    searches: int
    """Times that all questions are asked."""
    starts: int


FULL, QUICK = Rounds(200_000, 3, 7), Rounds(20_000, 1, 3)


def measure(state_dir: Path, rounds: Rounds, encoder: Path | None) -> Iterator[Figure]:
    """All figures of the search; with a model that makes vectors (a GGUF file) also those with vectors."""
    asked, own = questions(), anyio.run(documents)
    said = [passage.text for passages in own.values() for passage in passages] + [each.question for each in asked]
    with tempfile.TemporaryDirectory(dir=state_dir) as made:
        alone, among = Path(made) / "alone", Path(made) / "among"
        fill(alone / "appliance.db", own, 0, said)
        fill(among / "appliance.db", own, rounds.passages, said)
        yield Figure("retrieval_questions", len(asked))
        yield Figure("retrieval_passages_alone", sum(map(len, own.values())))
        yield Figure("retrieval_database", (among / "appliance.db").stat().st_size / 1e6, "MB")
        yield from _answered("retrieval_alone", alone, asked, 1, at_least=0.85)
        name = f"retrieval_among_{rounds.passages}"
        yield from _answered(name, among, asked, rounds.searches)
        yield from _through_the_door(name, among, asked)
        yield from _starting(alone, among, rounds)
        if encoder is not None:
            yield from meaning.measure(encoder, alone, among, asked, rounds.searches)


def _answered(
    name: str, folder: Path, asked: list[Question], times: int, at_least: float | None = None
) -> Iterator[Figure]:  # fmt: skip
    """How many questions are answered, and how fast, by the store itself."""
    ranks: dict[bool, list[int | None]] = {False: [], True: []}
    seconds: list[float] = []
    common: list[float] = []

    async def search(passages: Passages, words: str, kept: list[float]) -> list[tuple[str, str]]:
        began = time.perf_counter()
        found = await passages.search(LOCAL, words, limit=LOOKED_AT, around=True)
        kept.append(time.perf_counter() - began)
        return [(each.name, each.text) for each in found]

    async def ask() -> None:
        async with Database(folder / "appliance.db").running() as database:
            passages = Passages(database)
            for each in asked:  # the first time warms
                ranks[each.held].append(rank(each, await search(passages, each.question, [])))
            for _ in range(times):
                for each in asked:
                    await search(passages, each.question, seconds)
                for words in COMMON:
                    await search(passages, words, common)

    click.echo(f"{len(asked)} questions, {times + 1} times", err=True)
    anyio.run(ask)
    every = score(ranks[False] + ranks[True])
    yield Figure(f"{name}_recall_1", every.first)
    yield Figure(f"{name}_recall_5", every.five, at_least=at_least)
    yield Figure(f"{name}_reciprocal_rank", every.reciprocal)
    yield Figure(f"{name}_recall_5_held_back", score(ranks[True]).five)
    yield from spread(f"{name}_search", seconds, at_most=50)
    yield from spread(f"{name}_search_common_words", common)


def _through_the_door(name: str, folder: Path, asked: list[Question]) -> Iterator[Figure]:
    seconds = []
    with served(folder) as url, httpx.Client(base_url=url, timeout=LIVE_SECONDS) as client:
        for number, each in enumerate([asked[0], *asked]):
            began = time.perf_counter()
            answer = client.post(
                f"/v1/vector_stores/{COLLECTION}/search",
                json={"query": each.question, "max_num_results": LOOKED_AT},
            )
            if number:  # the first of all warms
                seconds.append(time.perf_counter() - began)
            answer.raise_for_status()
    yield from spread(f"{name}_http", seconds, at_most=50)


def _starting(alone: Path, among: Path, rounds: Rounds) -> Iterator[Figure]:
    """Seconds from the start of the process to its first answer, with few and with all passages."""
    live: dict[Path, list[float]] = {alone: [], among: []}
    for number in range(rounds.starts + 1):
        click.echo(f"start {number} of {rounds.starts}", err=True)
        for folder in (alone, among) if number % 2 else (among, alone):
            began = time.perf_counter()
            with served(folder):
                seconds = time.perf_counter() - began
            if number:  # the first of each warms
                live[folder].append(seconds)
    yield Figure("retrieval_start_to_live_alone", statistics.median(live[alone]), "s")
    yield Figure(f"retrieval_start_to_live_{rounds.passages}", statistics.median(live[among]), "s")
    ratios = [many / few for few, many in zip(live[alone], live[among], strict=True)]
    yield Figure(f"retrieval_start_{rounds.passages}_over_alone", statistics.median(ratios), at_most=1.2)
