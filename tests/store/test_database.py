"""The one file: what was acknowledged is there, whatever happens to the disk."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from sqlite_utils import Database as Tables

from appliance.errors import Overloaded, RequestError, StorageFailed
from appliance.store import migrations
from appliance.store.conversations import Addition, Conversations
from appliance.store.database import MOST_WAITING, Database
from appliance.store.faults import StoreError
from appliance.store.items import Item
from appliance.store.owners import Owner
from appliance.store.usage import Amount, Usage, Used

if TYPE_CHECKING:
    from collections.abc import Callable

ANNA = Owner("anna")
STEP = Path(__file__).with_name("on_a_bad_disk.py")


def said(name: str, words: str = "hello") -> Addition:
    return Addition(items=[Item(id=name, words=words)])


def refused(path: Path, why: str) -> None:
    database = Database(path)
    with pytest.raises(StoreError, match=why):
        database.open()
    database.close()


async def count(database: Database) -> int:
    return await database.read(lambda tables: int(tables.execute("SELECT count(*) FROM items").fetchone()[0]))


async def test_tables_are_strict_and_tied_together(database: Database) -> None:
    def look(tables: Tables) -> tuple[set[str], list[Any]]:
        loose = tables.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict"
        )
        return {row[0] for row in loose}, tables.execute("PRAGMA journal_mode").fetchone()

    loose, mode = await database.read(look)
    assert loose <= {"sqlite_schema", "sqlite_temp_schema", "sqlite_sequence", "_sqlite_migrations"}
    assert mode[0] == "wal"
    with pytest.raises(Exception, match="failed on its database"):
        await database.write(lambda tables: tables.execute("INSERT INTO members VALUES (1, 2, 3)").rowcount)


async def test_changes_that_wait_are_committed_together_and_one_refusal_hurts_no_other(database: Database) -> None:
    store = Conversations(database)
    commits: list[str] = []

    def refuse(tables: Tables) -> None:
        tables.execute("DELETE FROM items")
        raise RequestError("no")

    async with anyio.create_task_group():
        await database.write(lambda tables: tables.conn.set_trace_callback(commits.append))
        commits.clear()
        writings = [store.add(ANNA, "one", said(str(number))) for number in range(20)]
        refused = database.begin(refuse)
        broken = database.begin(lambda tables: tables.execute("nonsense").rowcount)
        writings.append(store.add(ANNA, "one", said("last")))
        for writing in writings:
            await writing.done()
    with pytest.raises(RequestError, match="no"):
        await refused.done()
    with pytest.raises(Exception, match="failed on its database"):
        await broken.done()
    assert await count(database) == 21
    assert len([line for line in commits if line == "COMMIT"]) < 25
    assert database.failed is None  # a statement of ours is no fault of the disk's


async def test_what_waits_at_the_end_is_written_and_a_waiter_that_leaves_takes_nothing_back(tmp_path: Path) -> None:
    path = tmp_path / "appliance.db"
    async with Database(path).running() as database:
        store = Conversations(database)
        with anyio.CancelScope() as scope:
            writing = store.add(ANNA, "one", said("a"))
            scope.cancel()
            await writing.done()
        for number in range(300):
            store.add(ANNA, "one", said(f"b{number}"))
    async with Database(path).running() as database:
        assert await count(database) == 301
    late = Conversations(database).add(ANNA, "one", said("late"))
    with pytest.raises(StorageFailed, match="shutting down"):
        await late.done()


async def test_what_waits_is_bounded(database: Database) -> None:
    store = Conversations(database)
    writings = [store.add(ANNA, "one", said(str(number))) for number in range(MOST_WAITING + 2)]  # one is taken at once
    with pytest.raises(Overloaded):
        await writings[-1].done()
    await writings[-2].done()
    assert await count(database) == MOST_WAITING + 1


async def test_a_long_query_is_given_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.store.readers.READ_SECONDS", 0.0)
    endless = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(Exception, match="did not answer in time"):
        await database.read(lambda tables: tables.execute(endless).fetchone())
    monkeypatch.undo()
    assert await count(database) == 0


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(StorageFailed, match="read-only"):
        await database.read(lambda tables: tables.execute("DELETE FROM items"))


async def test_a_newer_or_damaged_file_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "appliance.db"
    async with Database(path).running() as database:
        await database.write(
            lambda tables: tables.table("_sqlite_migrations").insert(
                {"migration_set": "appliance", "name": "m999_future", "applied_at": "later"}
            )
        )
    refused(path, r"appliance\.db: it was written by a newer appliance \(m999_future\)")
    path.write_bytes(b"no database at all, but long enough to be looked at as one" * 100)
    refused(path, "damaged; restore a backup")


def all_steps() -> list[Any]:
    with closing(sqlite3.connect(":memory:")) as nothing:
        return migrations.steps.pending(Tables(nothing))


def test_migrations_are_numbered_without_a_gap() -> None:
    names = [step.name for step in all_steps()]
    assert [name[:5] for name in names] == [f"m{number:03}_" for number in range(1, len(names) + 1)]


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "appliance.db"
    steps = migrations.steps

    def fails(tables: Tables) -> None:
        tables.executescript("CREATE TABLE half (x); CREATE TABLE half (x);")

    broken = type(steps)("appliance")
    for step in all_steps():
        broken(name=step.name)(step.fn)
    broken(name="m900_fails")(fails)
    monkeypatch.setattr(migrations, "steps", broken)
    refused(path, "failed on its database")
    monkeypatch.undo()
    database = Database(path)
    database.open()
    database.close()
    with closing(sqlite3.connect(path)) as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'half'").fetchall()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "appliance.db")
    database.open()
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    database.close()
    assert set(modes) >= {"appliance.db", "appliance.db-wal"}
    assert set(modes.values()) == {0o600}


@pytest.fixture
def bad_disk(tmp_path: Path) -> Callable[[str], str]:
    """Runs the steps of `on_a_bad_disk.py` on a small disk of their own, in a name space where we may mount one."""
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user name spaces here: a disk of its own cannot be mounted")

    def run(kind: str) -> str:
        script = f'mount -t tmpfs -o size=4m none "{tmp_path}" && exec "$0" "$1" {kind} "{tmp_path}"'
        command = ["unshare", "-rm", "sh", "-c", script, sys.executable, str(STEP)]
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env={**os.environ})
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("full", "storage_full The disk is full"),
        ("filled", "storage_full The disk is full"),
        ("killed", "storage_full The disk is full"),
        ("read-only", "storage_failed The disk is read-only"),
    ],
)
def test_a_bad_disk_loses_nothing_and_can_be_read(bad_disk: Callable[[str], str], kind: str, said: str) -> None:
    lines = [line for line in bad_disk(kind).splitlines() if "[error" not in line]
    assert lines[0].startswith(f"refused: {said}")
    assert lines[1:] == ["all that was acknowledged is there", "search works", "writes again", "intact"]


def test_several_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    databases = [Database(tmp_path / "appliance.db") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda database: database.open(), databases))
    assert len(opened) == 8
    assert all(database.failed is None for database in databases)
    for database in databases:
        database.close()


async def test_usage_that_is_asked_for_holds_what_was_noted_before(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage, go, commit, seen = Usage(database), threading.Event(), database._commit, list[Used]()

    def held_up(batch: Any) -> None:
        go.wait(30)
        commit(batch)

    async def ask() -> None:
        seen.extend(await usage.since("2026-11-26"))

    monkeypatch.setattr(database, "_commit", held_up)
    usage.note("2026-11-26", "key", "anna", Amount(requests=3))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        await count(database)
        go.set()
    assert [each.amount.requests for each in seen] == [3]
