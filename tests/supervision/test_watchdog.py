"""Signs of life are given on proof alone."""

from __future__ import annotations

import sqlite3
import sys
import threading
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from manager import manager

from appliance.engines.restarts import BACK_OFF_SECONDS, LOADING_SECONDS, STEP_SECONDS, Restarts
from appliance.settings import Workers
from appliance.store import headway
from appliance.store.database import Database
from appliance.supervision import watchdog
from appliance.supervision.notify import Supervisor
from appliance.supervision.watchdog import Written, unproven, watch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sqlite_utils import Database as Tables

    from appliance.jobs import Role


class Host:
    """One that is due at a time."""

    def __init__(self, due: float = float("inf")) -> None:
        self.due = due


def with_database(path: Path, scene: Callable[[Database], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Database(path / "appliance.db").running() as database:
            await scene(database)

    anyio.run(run)


async def proven(written: Written) -> None:
    """Until one more proof was given."""
    written.at = 0.0
    with anyio.fail_after(20):
        while not written.at:
            await anyio.lowlevel.checkpoint()


def test_signs_are_given_while_all_gets_on(tmp_path: Path) -> None:
    hosts: dict[Role, watchdog.Host] = {"stt": Host(), "llm": Host()}

    async def scene(database: Database) -> None:
        with manager(tmp_path) as told:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch, Supervisor(told.address, 0.06), hosts, database)
                for _ in range(2):
                    assert await anyio.to_thread.run_sync(told.lines) == ["WATCHDOG=1"]
                tasks.cancel_scope.cancel()

    with_database(tmp_path, scene)


def test_nobody_who_does_not_ask_is_told(tmp_path: Path) -> None:
    async def scene(database: Database) -> None:
        await watch(Supervisor(str(tmp_path / "nobody")), {}, database)

    with_database(tmp_path, scene)


def test_a_stuck_host_is_no_proof(tmp_path: Path) -> None:
    async def scene(database: Database) -> None:
        written, now = Written(database), anyio.current_time()
        assert unproven({"stt": Host(now + 60), "llm": Host(now - 1)}, written, 60) == ["llm"]

    with_database(tmp_path, scene)


def test_a_writer_that_hangs_is_no_proof(tmp_path: Path) -> None:
    let_go = threading.Event()

    def hang(_: Tables) -> None:
        let_go.wait(20)

    async def scene(database: Database) -> None:
        written = Written(database)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(written.keep_proving, 0.0)
            await proven(written)
            hanging = database.begin(hang)
            at = anyio.current_time()
            for _ in range(1000):
                await anyio.lowlevel.checkpoint()
            assert written.at <= at
            assert unproven({}, written, anyio.current_time() - written.at - 1e-9) == ["store"]
            let_go.set()
            await hanging.done()
            await proven(written)
            tasks.cancel_scope.cancel()

    with_database(tmp_path, scene)


@pytest.mark.skipif(sys.platform != "linux", reason="counts what a thread has written by Linux's /proc")
def test_a_long_write_is_proof_while_it_gets_on_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headway, "DISK", "/nowhere/{major}:{minor}")  # others write there meanwhile
    turn, turned = threading.Semaphore(0), threading.Semaphore(0)

    def long(tables: Tables) -> None:
        turned.release()
        for copied in (b"some", b"", b"more"):
            turn.acquire(timeout=20)
            (tmp_path / "copied").write_bytes(copied) if copied else None
            turned.release()
        turn.acquire(timeout=20)

    async def scene(database: Database) -> None:
        async def seen() -> bool:
            """Whether it counts after the next step."""
            turn.release()
            await anyio.to_thread.run_sync(turned.acquire)
            written.at = 0.0
            written.look()
            return bool(written.at)

        written = Written(database)
        writing = database.begin(long)
        await anyio.to_thread.run_sync(turned.acquire)
        written.look()
        assert [await seen(), await seen()] == [True, False]
        monkeypatch.setattr(watchdog, "MOST_SECONDS", 0.0)
        assert not await seen()
        turn.release()
        await writing.done()
        assert database.headway.seen() is None

    with_database(tmp_path, scene)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY])
def test_a_refusal_is_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(*_: object) -> None:
        error = sqlite3.OperationalError("refused")
        error.sqlite_errorcode = code
        raise error

    async def scene(database: Database) -> None:
        written = Written(database)
        monkeypatch.setattr(Database, "_transact", refuse)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(written.keep_proving, 0.0)
            await proven(written)
            tasks.cancel_scope.cancel()
        assert database.failed is not None

    with_database(tmp_path, scene)


def test_a_touch_reaches_the_file(tmp_path: Path) -> None:
    versions = []

    async def scene(database: Database) -> None:
        written = Written(database)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(written.keep_proving, 3600.0)
            await proven(written)
            tasks.cancel_scope.cancel()
        with sqlite3.connect(database.path) as apart:
            versions.extend(apart.execute("PRAGMA user_version").fetchone())
        apart.close()

    with_database(tmp_path, scene)
    assert versions == [1]


def test_a_host_is_late_only_after_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("anyio.current_time", lambda: now)
    watch = Workers()
    more = watch.beat_seconds + STEP_SECONDS
    restarts = Restarts(watch)
    assert restarts.due == float("inf")
    restarts.begin()
    assert restarts.due == now + LOADING_SECONDS + more
    assert restarts.loaded() == watch.silent_seconds
    assert restarts.due == now + watch.silent_seconds + more
    restarts.step()
    assert restarts.due == now + watch.silent_seconds + more
    restarts.begin()
    assert restarts.due == now + LOADING_SECONDS + more
    assert restarts.loading == "the model is being loaded"
    pauses = [restarts.pause("it is damaged") for _ in range(8)]
    assert restarts.loading == "the model is being loaded again, as it is damaged"
    assert pauses == [*BACK_OFF_SECONDS, BACK_OFF_SECONDS[-1]]
    assert restarts.due == now + BACK_OFF_SECONDS[-1] + LOADING_SECONDS + more
    now += 3600
    assert restarts.pause("it ended") == 0.0
    assert restarts.count == 9
    assert Restarts(Workers(silent_seconds=90.0)).silence == 90.0
