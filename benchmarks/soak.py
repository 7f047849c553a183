"""Half an hour of people in conversation, at a share of what the box carries: errors, and what rises with time.

Before that it is warmed: what fills once and for all is filled (the voice's room for its longest clause, everybody's
for a whole conversation), by so many turns; the half hour begins then. What the box holds (memory, descriptors,
threads, tasks) is looked at every ten seconds, and voice to voice minute by minute. A series is flat where a rise by
its bound is ruled out (`trend`, with 95 % confidence). Disk is to grow by what was said, and by little more.
"""

from __future__ import annotations

import math
import re
import sqlite3
import statistics
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import httpx
import psutil

from appliance.dialogue.clauses import LATER_MAX
from benchmarks import capacity
from benchmarks.figures import Figure, made_of
from benchmarks.footprint import processes
from benchmarks.order_statistics import nearest_rank
from benchmarks.people import people
from benchmarks.speakers import Order, Rhythm
from benchmarks.trend import FEWEST, trend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.box import Box
    from benchmarks.speakers import Report

ERRORS_AT_MOST: Final = 0.001
SAMPLE_SECONDS: Final = 10.0
WARM_TURNS: Final = 100
"""Before the soak begins to count; and two conversations of everybody, if that is more. It takes as long as the soak at
most. With 60 the server was still making room (docs/capacity.md)."""
LONG_CLAUSES: Final = "very " * (3 * LATER_MAX // 5)
"""Nothing in it ends a clause before it has to end: the second is as long as a clause may be."""
TELL_SECONDS: Final = 60.0
RESIDENT: Final = re.compile(r'^appliance_process_resident_bytes\{process="(\w+)"\} (\S+)$', re.MULTILINE)
SQLITE: Final = b"SQLite format 3\0"
BYTES_A_TURN: Final = 16_384
"""Most by which the database may grow: two messages, their index, their times, and pages that are not full."""
RISES: Final = {
    "memory_pss": (16.0, "MB"),
    "memory_rss": (16.0, "MB"),
    "descriptors": (4.0, ""),
    "threads": (2.0, ""),
    "tasks": (4.0, ""),
}
"""By name: the rise from beginning to end that has to be ruled out, and its unit."""
SLOWER: Final = {"p50": 0.10, "p95": 0.25}
"""The same for voice to voice, as a share of its median over all minutes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the box held at a time, in seconds since it is warm; memory in MB."""

    at: float
    memory_pss: float
    memory_rss: float
    descriptors: float
    threads: float
    tasks: float
    resident: dict[str, float] = field(default_factory=dict)
    """By process: MB, as the box says."""


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes: what the database's pages and log take, and all other files where the box keeps things."""

    database: int
    others: int


@dataclass(slots=True)
class Run:
    """All that was seen of a soak."""

    speakers: int
    seconds: float = 0.0
    """How long it has counted."""
    warm_turns: int = 0
    """Before that, and how long they took."""
    warm_seconds: float = 0.0
    warm_errors: int = 0
    samples: list[Sample] = field(default_factory=list)
    turns: list[tuple[float, float]] = field(default_factory=list)
    """When each was over, in seconds since it is warm, and voice to voice."""
    errors: int = 0
    said_bytes: int = 0
    clients_load: float = 0.0
    replaced: int = 0
    """Processes that are not the ones of the beginning."""
    disk: tuple[Disk, Disk] = (Disk(0, 0), Disk(0, 0))

    def add(self, report: Report) -> None:
        """A turn or an error."""
        self.clients_load = report.load
        if report.error:
            self.errors += 1
        elif report.seconds is not None:
            self.turns.append((self.seconds, report.seconds))
            self.said_bytes += report.said_bytes

    def minutes(self, share: float) -> tuple[list[float], list[float]]:
        """This percentile of the turns of each minute, and when."""
        by_minute: dict[int, list[float]] = defaultdict(list)
        for at, seconds in self.turns:
            by_minute[int(at // 60)].append(seconds)
        found = sorted(by_minute.items())
        return [60.0 * minute for minute, _ in found], [nearest_rank(seconds, share) for _, seconds in found]


def soaked(box: Box, order: Order, minutes: float, state: Path) -> Run:
    """So many people for so long, and what was seen."""
    run, ids = Run(order.speakers), {process.pid for process in processes(box.pid)}
    with httpx.Client(base_url=box.url, timeout=60.0) as client:
        click.echo("warming up", err=True)
        client.post("/v1/audio/speech", json={"input": LONG_CLAUSES, "response_format": "pcm"}).raise_for_status()
        with people(order) as reports:
            warmed(run, reports, max(WARM_TURNS, 2 * order.rhythm.turns * order.speakers), 60 * minutes)
            before = disk(box, state)
            _counted(run, box, client, reports, minutes)
    run.replaced = len(ids - {process.pid for process in processes(box.pid)})
    run.disk = before, disk(box, state)
    return run


def warmed(run: Run, reports: Iterator[Report], turns: int, seconds: float) -> None:
    """Until so many turns are over, or so many seconds."""
    began = time.monotonic()
    for report in reports:
        run.warm_errors += bool(report.error)
        run.warm_turns += report.seconds is not None
        run.warm_seconds = time.monotonic() - began
        if run.warm_turns >= turns or run.warm_seconds >= seconds:
            break
    few = f", fewer than the {turns} that it takes to be warm" if run.warm_turns < turns else ""
    click.echo(f"{run.warm_turns} turns in {run.warm_seconds / 60:.0f} minutes{few}; now it counts", err=True)


def _counted(run: Run, box: Box, client: httpx.Client, reports: Iterator[Report], minutes: float) -> None:
    began = time.monotonic()
    told = sampled = -math.inf
    for report in reports:
        now = run.seconds = time.monotonic() - began
        run.add(report)
        if now - sampled >= SAMPLE_SECONDS:
            sampled = now
            run.samples.append(_sample(box, client, now))
        if now - told >= TELL_SECONDS:
            told = now
            click.echo(f"{now / 60:.0f} of {minutes:g} minutes: {_row(run)}", err=True)
        if now >= 60 * minutes:
            break


def figures(run: Run) -> Iterator[Figure]:
    """What was seen, and whether it is as it should be."""
    errors = run.warm_errors + run.errors
    tries = run.warm_turns + len(run.turns) + errors
    yield Figure("soak_speakers", run.speakers, "people")
    yield Figure("soak_minutes", run.seconds / 60, "min")
    yield Figure("soak_warm_minutes", run.warm_seconds / 60, "min")
    yield Figure("soak_warm_turns", run.warm_turns)
    yield Figure("soak_warm_errors", run.warm_errors)
    yield Figure("soak_turns", len(run.turns))
    yield Figure("soak_errors", run.errors)
    yield Figure("soak_error_share", 100 * errors / max(1, tries), "%", at_most=100 * ERRORS_AT_MOST)
    yield Figure("soak_clients_load", run.clients_load, "cores")
    yield Figure("soak_processes_replaced", run.replaced, at_most=0)
    times = [sample.at for sample in run.samples]
    for name, (bound, unit) in RISES.items():
        yield from _trend(name, times, [getattr(sample, name) for sample in run.samples], bound, unit)
    for name in dict.fromkeys(name for sample in run.samples for name in sample.resident):
        held = [sample.resident[name] for sample in run.samples if name in sample.resident]
        yield made_of(f"soak_memory_rss_of_{name}", held, "MB")
        yield Figure(f"soak_memory_rss_of_{name}_begin", held[0], "MB")
        yield Figure(f"soak_memory_rss_of_{name}_end", held[-1], "MB")
    for name, share in SLOWER.items():
        at, seconds = run.minutes(int(name[1:]) / 100)
        bound = share * statistics.median(seconds) if seconds else 0.0
        yield from _trend(f"voice_to_voice_{name}", at, seconds, bound, "s")
    yield from _grown(run)


def _trend(name: str, times: Sequence[float], values: Sequence[float], bound: float, unit: str) -> Iterator[Figure]:
    if len(values) < FEWEST:
        click.echo(f"soak: {name}: {len(values)} points are too few for a slope", err=True)
        return
    found = trend(times, values)
    hours = (times[-1] - times[0]) / 3600
    click.echo(f"soak: {name}: {found.verdict(bound)} (rose by {found.rise:.3g} {unit}, surely by no more than"
               f" {found.high:.3g}; bound {bound:.3g})", err=True)  # fmt: skip
    yield Figure(f"soak_{name}", statistics.median(values), unit, samples=tuple(values))
    yield Figure(f"soak_{name}_slope", found.rise / hours, f"{unit}/h")
    yield Figure(f"soak_{name}_rise_low", found.low, unit)
    yield Figure(f"soak_{name}_rise_high", found.high, unit, at_most=bound)


def _grown(run: Run) -> Iterator[Figure]:
    before, after = run.disk
    grown = after.database - before.database
    yield Figure("soak_said", run.said_bytes / 1e3, "kB")
    yield Figure("soak_database_growth", grown / 1e3, "kB")
    yield Figure("soak_database_growth_a_turn", grown / max(1, len(run.turns)), "bytes", at_most=BYTES_A_TURN)
    yield Figure("soak_other_files_growth", (after.others - before.others) / 1e3, "kB")


def disk(box: Box, state: Path) -> Disk:
    """What it holds on disk now: pages that are in use where it remembers, as can be read while it runs; and caches."""
    store = [file for file in box.store.rglob("*") if file.is_file()]
    database = [file for file in store if _begins(file) == SQLITE]
    of_it = tuple(file.name for file in database)
    others = [file for file in store if not file.name.startswith(of_it)]  # its log and its index go with it
    for folder in state.iterdir():
        if folder.name != "models" and folder.is_dir() and folder not in (box.store, *box.store.parents):
            others += [file for file in folder.rglob("*") if file.is_file()]
    return Disk(sum(map(_pages, database)), sum(map(_size, others)))


def _begins(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(len(SQLITE))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # a cache has dropped it meanwhile
        return 0


def _pages(file: Path) -> int:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        pages, free, size = (
            database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def _sample(box: Box, client: httpx.Client, at: float) -> Sample:
    memory = rss = descriptors = threads = 0
    for process in processes(box.pid):
        try:
            with process.oneshot():
                held = process.memory_full_info()
                memory, rss = memory + held.pss, rss + held.rss
                descriptors, threads = descriptors + process.num_fds(), threads + process.num_threads()
        except psutil.NoSuchProcess:  # replaced; that is counted at the end
            continue
    told = client.get("/metrics").text
    tasks = next(float(line.split()[-1]) for line in told.splitlines() if line.startswith("appliance_tasks "))
    return Sample(at, memory / 1e6, rss / 1e6, descriptors, threads, tasks, resident(told))


def resident(told: str) -> dict[str, float]:
    """MB by process, from what `/metrics` says; one that is just being replaced is not there."""
    return {name: float(value) / 1e6 for name, value in RESIDENT.findall(told)}


def _row(run: Run) -> str:
    last = [seconds for at, seconds in run.turns if at >= run.seconds - 60]
    middle = f"p50 {statistics.median(last):.2f} s" if last else "no turn in the last minute"
    memory = f", {run.samples[-1].memory_pss:.0f} MB" if run.samples else ""
    return f"{len(run.turns)} turns, {run.errors} errors, {middle}{memory}"


def measure(
    box: Box, files: Sequence[Path], state: Path, *, minutes: float = 30.0, share: float = 0.8,
    speakers: int | None = None, carried: int | None = None, rhythm: Rhythm | None = None,
) -> Iterator[Figure]:  # fmt: skip
    """`speakers` people, or this share of the number `carried`, which is found out where it is not known."""
    rhythm = rhythm or Rhythm()
    if speakers is None and carried is None:
        found = list(capacity.measure(box, files, rhythm))
        yield from found
        carried = int(found[0].value)
    speakers = speakers or max(1, math.floor(share * (carried or 0) + 1e-9))
    click.echo(f"{speakers} people for {minutes:g} minutes", err=True)
    spread = min(capacity.CYCLE_SECONDS, 2.0 * speakers)
    run = soaked(box, Order(box.url, tuple(map(str, files)), speakers, rhythm, spread_seconds=spread), minutes, state)
    yield from figures(run)
