"""From the start of the process to a box that answers: each stage's loading, the first turn, and what the box holds.

The disk is warm: models were read before and are in the page cache. Once more with the models' pages dropped, where the
kernel does that for an ordinary user: it keeps pages that another process has mapped, such as a box that runs.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from benchmarks import footprint, staged
from benchmarks.figures import Figure, made_of, ratio
from benchmarks.progress import rounds, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import httpx

    from benchmarks.bench import Bench
    from benchmarks.box import Box

SECONDS: Final = 45.0
MOST, QUICK = 6, 2
COLD, COLD_QUICK = 3, 1
COLD_SECONDS: Final = 30.0
WARM_TURNS: Final = 3
IDLE_SECONDS: Final = 15.0
LEFT: Final = 0.05
"""Share of the models' pages that may still be in memory for a start to count as cold."""
LOADED: Final = re.compile(r'^appliance_stage_load_seconds\{stage="(\w+)"\} ([\d.e+-]+)$', re.MULTILINE)


class Starts:
    """What was measured of several starts of one kind, in seconds."""

    def __init__(self) -> None:
        self.ready: list[float] = []
        self.stages: dict[str, list[float]] = defaultdict(list)
        """From the process's start until a stage has answered a real request."""
        self.loads: dict[str, list[float]] = defaultdict(list)
        """Of a stage's model alone, as the box says."""
        self.first: list[float] = []
        self.warm: list[float] = []


def measure(bench: Bench) -> Iterator[Figure]:
    """All figures of starting."""
    question = bench.speech.turns[0].file.read_bytes()
    warm, cold = Starts(), Starts()
    held = idle = 0.0
    for number in rounds("start", QUICK if bench.quick else MOST, SECONDS, warm=1):
        starts = warm if number else Starts()
        with _started(bench, starts) as (box, client):
            _turns(client, question, starts)
            held, idle = footprint.pss_bytes(box.pid), _idle(bench, box) if number == 1 else idle
    yield from _figures("coldstart", warm)
    yield Figure("coldstart_memory_pss", held / 1e6, "MB", lower_is_better=True)
    yield Figure("coldstart_idle_load", 100 * idle, "% of core", lower_is_better=True)
    for _ in rounds("start from a cold disk", COLD_QUICK if bench.quick else COLD, COLD_SECONDS, least=1):
        left = dropped(_files(bench))
        if left > LEFT:
            bench.notes.append(
                f"Starts from a cold disk were left out: {100 * left:.0f} % of the models' pages stayed in memory here."
            )
            return
        with _started(bench, cold) as (_, client):
            _turns(client, question, cold)
    bench.notes.append(
        "Cold disk: the models' pages were dropped from the page cache, those of programs and libraries were not."
    )
    yield from _figures("coldstart_cold_disk", cold)


@contextmanager
def _started(bench: Bench, starts: Starts) -> Iterator[tuple[Box, httpx.Client]]:
    """A box once it is ready, and what was seen of it meanwhile."""
    seen: set[str] = set()

    def watch(told: dict[str, Any], seconds: float) -> None:
        for name, stage in told["stages"].items():
            if stage["state"] == "ready" and name not in seen:
                seen.add(name)
                starts.stages[name].append(seconds)

    with bench.box(watch=watch) as box, bench.client(box) as client:
        starts.ready.append(box.ready_seconds)
        for stage, seconds in LOADED.findall(client.get("/metrics").text):
            starts.loads[stage].append(float(seconds))
        yield box, client


def _turns(client: httpx.Client, question: bytes, starts: Starts) -> None:
    """The first spoken turn after a start, and the median of those right after it."""
    starts.first.append(staged.streamed(client, question).seconds)
    starts.warm.append(sorted(staged.streamed(client, question).seconds for _ in range(WARM_TURNS))[WARM_TURNS // 2])


def _idle(bench: Bench, box: Box) -> float:
    seconds = IDLE_SECONDS / 5 if bench.quick else IDLE_SECONDS
    step(f"nobody asks anything for {seconds:g} s")
    return footprint.idle_share(box.pid, seconds)


def _figures(name: str, starts: Starts) -> Iterator[Figure]:
    yield made_of(f"{name}_ready", starts.ready, "s")
    for stage, seconds in starts.stages.items():
        yield made_of(f"{name}_ready_{stage}", seconds, "s")
    for stage, seconds in starts.loads.items():
        yield made_of(f"{name}_load_{stage}", seconds, "s")
    yield made_of(f"{name}_first_turn", starts.first, "s")
    yield made_of(f"{name}_warm_turn", starts.warm, "s")
    yield ratio(f"{name}_first_turn_over_warm", starts.first, starts.warm, lower_is_better=True)


def _files(bench: Bench) -> list[Path]:
    """Everything that is loaded."""
    lineup = bench.lineup
    models = [lineup.stt, lineup.llm, *lineup.voices[:1], *filter(None, (lineup.turn, lineup.embed))]
    return [file for model in models for file in model.path.rglob("*") if file.is_file()]


def dropped(files: Sequence[Path]) -> float:
    """Have the kernel forget the pages of files; the share of them that it has kept nevertheless."""
    kept = whole = 0
    for file in files:
        with file.open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            if not size:
                continue
            os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            kept += _resident(handle.fileno(), size)
            whole += -(-size // mmap.PAGESIZE)
    return kept / whole if whole else 0.0


def _resident(descriptor: int, size: int) -> int:
    """Pages of a file that are in memory: mincore(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")
    try:
        pages = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
        if libc.mincore(ctypes.c_void_p(address), ctypes.c_size_t(size), pages):
            raise OSError(ctypes.get_errno(), "mincore")
        return sum(page & 1 for page in pages)
    finally:
        libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(size))
