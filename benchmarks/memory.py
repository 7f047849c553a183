"""What remembering costs: a turn on its way to disk, a start over much that is remembered, and finding it again.

Everything happens on the disk of the state folder, without models.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import click
import httpx

from appliance.ids import new_id
from appliance.store.conversations import Addition, Conversations
from appliance.store.database import Database
from appliance.store.items import Item
from appliance.store.owners import LOCAL
from benchmarks.figures import Figure, spread
from benchmarks.filled import COMMON, RARE, conversation_id, fill
from benchmarks.talker import talker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FEW: Final = 10
MANY: Final = 100_000
AT_ONCE: Final = 100
"""Conversations that write at the same time."""
LIVE_SECONDS: Final = 60.0
"""Longest wait for a box to answer at all."""
BLOCK: Final = bytes(8192)
"""Written and synced alone, beside a turn: two pages of the database."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """How much is written, and how often each thing is measured."""

    items: int
    """Of each conversation that is there from the beginning."""
    turns: int
    turns_each: int
    starts: int
    requests: int
    searches: int


FULL, QUICK = Rounds(10, 300, 10, 11, 200, 20), Rounds(2, 50, 3, 3, 20, 5)


def measure(state_dir: Path, rounds: Rounds) -> Iterator[Figure]:
    """All figures of the store."""
    with tempfile.TemporaryDirectory(dir=state_dir) as made:
        yield from _writing(Path(made) / "written", rounds)
        folders = {size: Path(made) / str(size) for size in (FEW, MANY)}
        for size, folder in folders.items():
            fill(folder / "appliance.db", size, rounds.items)
            yield Figure(f"memory_database_{size}", (folder / "appliance.db").stat().st_size / 1e6, "MB")
        yield Figure("memory_items_each", rounds.items)
        yield from _starting(folders, rounds.starts)
        yield from _finding(folders[MANY], rounds)


def _writing(folder: Path, rounds: Rounds) -> Iterator[Figure]:
    """Milliseconds until a turn is on disk: alone, between two syncs that are the least it can take, and in a crowd."""
    alone: list[float] = []
    bare: list[float] = []
    crowd: list[float] = []
    rate = 0.0

    async def write() -> None:
        nonlocal rate
        async with Database(folder / "appliance.db").running() as database:
            conversations = Conversations(database)
            click.echo(f"{rounds.turns} turns, one after another", err=True)
            with (folder / "bare").open("wb", buffering=0) as file:
                for number in range(rounds.turns + 1):
                    began = time.perf_counter()
                    file.write(BLOCK)
                    os.fdatasync(file.fileno())
                    synced = time.perf_counter()
                    seconds = await _turn(conversations, "alone", number)
                    if number:  # the first of each warms
                        bare.append(synced - began)
                        alone.append(seconds)
            click.echo(f"{rounds.turns_each} turns in each of {AT_ONCE} conversations at once", err=True)

            async def talk(name: str) -> None:
                crowd.extend([await _turn(conversations, name, number) for number in range(rounds.turns_each)])

            began = time.perf_counter()
            async with anyio.create_task_group() as tasks:
                for number in range(AT_ONCE):
                    tasks.start_soon(talk, f"crowd_{number}")
            rate = len(crowd) / (time.perf_counter() - began)

    folder.mkdir()
    anyio.run(write)
    yield from spread("memory_bare_sync", bare)
    yield from spread("memory_turn_on_disk", alone)
    yield Figure("memory_turn_on_disk_over_bare_sync", statistics.median(alone) / statistics.median(bare))
    yield from spread(f"memory_turn_on_disk_{AT_ONCE}_at_once", crowd)
    yield Figure(f"memory_turns_{AT_ONCE}_at_once", rate, "a second")
    yield Figure(f"memory_rate_{AT_ONCE}_at_once_over_alone", rate * statistics.mean(alone))


async def _turn(conversations: Conversations, conversation: str, number: int) -> float:
    """Seconds until a question and its answer are on disk."""
    turn, words = new_id("turn"), f"These are the words of turn {number}, as long as most are. " * 2
    items = [
        Item(id=new_id("msg"), turn=turn, words=words),
        Item(id=new_id("msg"), turn=turn, role="assistant", words=words),
    ]
    began = time.perf_counter()
    await conversations.add(LOCAL, conversation, Addition(items=items)).done()
    return time.perf_counter() - began


def _starting(folders: dict[int, Path], rounds: int) -> Iterator[Figure]:
    """Seconds from the start of the process to its first answer, and of these the opening of the database alone."""
    live: dict[int, list[float]] = defaultdict(list)
    opened: dict[int, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        click.echo(f"start {number} of {rounds}", err=True)
        for size in (FEW, MANY) if number % 2 else (MANY, FEW):
            began = time.perf_counter()
            with served(folders[size]):
                seconds = time.perf_counter() - began
            database = Database(folders[size] / "appliance.db")
            began = time.perf_counter()
            database.open()
            opening = time.perf_counter() - began
            database.close()
            if number:  # the first of each warms
                live[size].append(seconds)
                opened[size].append(opening)
    for size in folders:
        yield Figure(f"memory_start_to_live_{size}", statistics.median(live[size]), "s")
    ratios = [many / few for few, many in zip(live[FEW], live[MANY], strict=True)]
    yield Figure(f"memory_start_{MANY}_over_{FEW}", statistics.median(ratios), at_most=1.2)
    for size in folders:
        yield Figure(f"memory_opened_{size}", 1000 * statistics.median(opened[size]), "ms")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A box without models over a folder, from its process's start until it has answered: its URL."""
    with talker("benchmarks.doors", str(folder)) as server:
        url = f"http://127.0.0.1:{server.hear()['port']}"
        httpx.get(f"{url}/health/live", timeout=LIVE_SECONDS).raise_for_status()
        yield url


def _finding(folder: Path, rounds: Rounds) -> Iterator[Figure]:
    """Milliseconds of each question, through HTTP, over a connection that is kept; all conversations are one user's."""
    step = MANY // (rounds.requests + 2)
    ids = [conversation_id((number + 1) * step) for number in range(rounds.requests + 1)]
    doors: dict[str, tuple[str, Sequence[tuple[str, dict[str, str]]]]] = {
        "http_alone": ("GET", [("/health/live", {})] * len(ids)),
        "list": ("GET", [("/v1/conversations", {})] * len(ids)),
        "list_in_the_middle": ("GET", [("/v1/conversations", {"after": each}) for each in ids]),
        "search_rare": ("GET", [("/v1/conversations", {"query": RARE})] * len(ids)),
        "search_common": ("GET", [("/v1/conversations", {"query": COMMON})] * (rounds.searches + 1)),
        "items_of_one": ("GET", [(f"/v1/conversations/{each}/items", {"limit": "100"}) for each in ids]),
        "delete_one": ("DELETE", [(f"/v1/conversations/{each}", {}) for each in ids]),
    }
    with served(folder) as url, httpx.Client(base_url=url, timeout=LIVE_SECONDS) as client:
        for name, (method, asked) in doors.items():
            click.echo(f"{name.replace('_', ' ')}, {len(asked)} times", err=True)
            taken = []
            for path, query in asked:
                began = time.perf_counter()
                answer = client.request(method, path, params=query)
                taken.append(time.perf_counter() - began)
                answer.raise_for_status()
                if query.get("query") and not answer.json()["data"]:
                    raise click.ClickException(f"the search for {query['query']!r} found nothing")
            yield from spread(f"memory_{name}", taken[1:])  # the first of each warms
