"""What a backup costs: three ways to copy a database beside a busy writer, ways to pack it, and the whole.

`python -m benchmarks.backup [--mb 200]`; nothing else may work on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import lzma
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.lowlevel

from appliance.store.backup import snapshot
from appliance.store.backup.creating import create
from appliance.store.backup.restoring import restore, verify
from appliance.store.conversations import Addition, Conversations
from appliance.store.database import Database
from appliance.store.items import Item
from appliance.store.owners import Owner

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
GIVE_UP_SECONDS = 20.0


class Nobody:
    """Is told how far it is."""

    def say(self, text: str) -> None: ...

    def progress(self, what: str, done: int, total: int | None) -> None: ...


async def fill(path: Path, size: int) -> None:
    """Conversations of words from our own pages."""
    dice = random.Random(1)  # noqa: S311 - the same words each time
    words = [
        word
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for word in page.read_text(errors="ignore").split()
    ]
    number = 0
    async with Database(path).running() as database:
        while path.stat().st_size < size:  # noqa: ASYNC240 - nobody else waits
            for _ in range(100):
                number += 1
                items = [Item(id=f"i{each}", words=" ".join(dice.choices(words, k=60))) for each in range(10)]
                addition = Addition(items=items)
                writing = Conversations(database).add(Owner("anna"), f"c{number}", addition)
            await writing.done()
            await database.checkpoint()


async def talk(path: Path, done: threading.Event) -> list[float]:
    """Seconds that each turn waited for the disk, until `done`."""
    waits: list[float] = []
    async with Database(path).running() as database:
        while not done.is_set():
            began = time.perf_counter()
            item = Item(id=f"x{len(waits)}", words="hello there " * 20)
            await Conversations(database).add(Owner("ben"), f"c{len(waits) % 50}", Addition(items=[item])).done()
            waits.append(time.perf_counter() - began)
            await anyio.lowlevel.checkpoint()
    return waits


def beside(path: Path, what: str, work: Callable[[], str]) -> None:
    """Do some work while a process writes turns; print how long both took."""
    command = [sys.executable, "-m", "benchmarks.backup", "--talk", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
        assert writer.stdout is not None  # noqa: S101 - for the type checker
        writer.stdout.readline()
        began = time.perf_counter()
        said = work()
        took = time.perf_counter() - began
        print(f"{what}: {took:.2f} s {said}; {writer.communicate('')[0].strip()}", flush=True)


def begins_anew(path: Path, copy: Path) -> str:
    """SQLite's backup without a read transaction, given up at last."""
    until, left_before, anew = time.perf_counter() + GIVE_UP_SECONDS, sys.maxsize, 0

    def look(_: int, left: int, _total: int) -> None:
        nonlocal left_before, anew
        anew += left > left_before
        left_before = left
        if time.perf_counter() > until:
            raise TimeoutError

    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        try:
            source.backup(target, pages=snapshot.PAGES, progress=look, sleep=0)
        except TimeoutError:
            return f"given up, {anew} times begun anew"
    return f"{anew} times begun anew"


def held(path: Path, copy: Path) -> str:
    """Ours."""
    snapshot.take(path, copy, lambda _done, _total: None)
    return ""


def vacuum(path: Path, copy: Path) -> str:
    """VACUUM INTO."""
    with closing(sqlite3.connect(path)) as source:
        source.execute("VACUUM INTO ?", [str(copy)])
    return ""


def pack(data: bytes) -> None:
    """Seconds and size of each way to pack."""
    ways: dict[str, Callable[[], Any]] = {
        "gzip 1": lambda: zlib.compress(data, 1), "gzip 6": lambda: zlib.compress(data, 6),
        "xz 0": lambda: lzma.compress(data, preset=0),
    }  # fmt: skip
    for name, way in ways.items():
        began = time.perf_counter()
        size = len(way())
        print(f"{name}: {time.perf_counter() - began:.1f} s, {size / 1e6:.0f} MB", flush=True)


def whole(path: Path, folder: Path) -> None:
    """Make, verify and restore; the peak of memory is this process's."""
    beside(path, "create", lambda: str(create(path, folder, Nobody()).bytes // 1_000_000) + " MB")
    (made,) = folder.glob("appliance-*")
    works: dict[str, Callable[[], object]] = {
        "verify": lambda: verify(made, folder, Nobody()),
        "restore": lambda: restore(made, folder / "new" / "appliance.db", Nobody()),
    }
    for name, work in works.items():
        began = time.perf_counter()
        work()
        print(f"{name}: {time.perf_counter() - began:.1f} s", flush=True)
    print(f"peak of memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB", flush=True)


def _listen(done: threading.Event) -> None:
    sys.stdin.read()
    done.set()


def main() -> None:
    """Measure all, or be the writer beside."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--talk", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.talk:
        done = threading.Event()
        threading.Thread(target=_listen, args=[done], daemon=True).start()
        print("writes", flush=True)
        waits = sorted(anyio.run(talk, given.talk, done))
        middle, most, last = (1000 * waits[int((len(waits) - 1) * share)] for share in (0.5, 0.99, 1))
        print(f"{len(waits)} turns: median {middle:.2f} ms, 99 % {most:.1f} ms, longest {last:.0f} ms")
        return
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        path = Path(folder) / "appliance.db"
        anyio.run(fill, path, given.mb * 1_000_000)
        whole(path, Path(folder) / "backups")
        for number, way in enumerate((begins_anew, held, vacuum)):
            beside(path, way.__name__, partial(way, path, Path(folder) / str(number)))
        pack(path.read_bytes())


if __name__ == "__main__":
    main()
