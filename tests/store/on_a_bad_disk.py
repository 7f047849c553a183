"""Writes to a disk until it is full, fails or is read-only, and says what became of it. Run by `test_database`."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import anyio

from appliance.errors import ApplianceError
from appliance.store.conversations import Addition, Conversations
from appliance.store.database import Database
from appliance.store.items import Item
from appliance.store.owners import Owner

ANNA = Owner("anna")
SPARE = 200_000


class Disk:
    """A small disk that can be made bad and good again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._spare = folder, folder / "spare"
        self._spare.write_bytes(bytes(SPARE))

    def fill(self) -> None:
        with contextlib.suppress(OSError), (self._folder / "filler").open("wb", buffering=0) as filler:
            while filler.write(bytes(4096)):
                pass

    def make_read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(self._folder)], check=True)

    def mend(self) -> None:
        subprocess.run(["mount", "-o", "remount,rw", str(self._folder)], check=True)
        self._spare.unlink()


async def fill(store: Conversations, kind: str, most: int) -> tuple[set[str], ApplianceError | None]:
    """Items that were acknowledged, and the error that ended it."""
    done: set[str] = set()
    for number in range(most):
        name = f"{kind}{number}"
        try:
            await store.add(ANNA, "one", Addition(items=[Item(id=name, words="word " * 200)])).done()
        except ApplianceError as error:
            return done, error
        done.add(name)
    return done, None


async def everything(store: Conversations) -> set[str]:
    kept, after, more = set(), None, True
    while more:
        items, more = await store.items(ANNA, "one", after=after, limit=100, newest_first=False)
        kept |= {item.id for item in items}
        after = items[-1].id
    return kept


async def main(kind: str, folder: Path) -> None:
    disk, path = Disk(folder), folder / "appliance.db"
    async with Database(path).running() as database:
        done, _ = await fill(Conversations(database), "early", 20)
        if kind == "full":
            await look(Conversations(database), done, disk)
        if kind == "killed":  # as the files are then, but for the index of the log
            for name in ("appliance.db", "appliance.db-wal"):
                shutil.copy(folder / name, folder / name.replace("appliance", "killed"))
    if kind == "filled":  # while nobody had the file open: its log cannot be made again
        disk.fill()
        async with Database(path).running() as database:
            await look(Conversations(database), done, disk)
    if kind == "killed":
        path = folder / "killed.db"
        disk.fill()
        async with Database(path).running() as database:
            await wait_for_room(Conversations(database), done, disk)
    if kind == "read-only":  # a disk with open files cannot be made so: it is found so at the next start
        disk.make_read_only()
        async with Database(path).running() as database:
            await look(Conversations(database), done, disk)
    async with Database(path).running() as database:
        (result,) = await database.read(lambda tables: tables.execute("PRAGMA integrity_check").fetchone())
        print("intact" if result == "ok" else result)


async def wait_for_room(store: Conversations, done: set[str], disk: Disk) -> None:
    """Nothing can be read meanwhile, rather than half of it."""
    try:
        await everything(store)
    except ApplianceError as error:
        print(f"refused: {error.code} {error.message}")
    disk.mend()
    await tell(store, done)
    more, _ = await fill(store, "late", 1)
    print("writes again" if more and more <= await everything(store) else "nothing is written")


async def tell(store: Conversations, acknowledged: set[str]) -> None:
    missing = acknowledged - await everything(store)
    print(f"lost {missing}" if missing else "all that was acknowledged is there")
    print("search works" if (await store.page(ANNA, words="word")).conversations else "nothing found")


async def look(store: Conversations, done: set[str], disk: Disk) -> None:
    await everything(store)  # so that there is a reader when the disk is mended
    more, error = await fill(store, "late", 10_000)
    print(f"refused: {error.code} {error.message}" if error is not None else "nothing was refused")
    await tell(store, done | more)
    disk.mend()
    await store.add(ANNA, "two", Addition(items=[Item(id="again", words="again")])).done()
    again = await store.history(ANNA, "two", 9)
    print("writes again" if [item.words for item in again] == ["again"] else "written, but not to be seen")


anyio.run(main, sys.argv[1], Path(sys.argv[2]))
