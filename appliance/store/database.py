"""One SQLite file in WAL mode: one writer, readers apart.

Changes are queued, and whatever waits is committed together: one transaction, one fsync. A change is on disk when
`write` returns. A change is a plain function of the database that touches nothing else, as it may be run again when
another one of its transaction has failed.
"""

from __future__ import annotations

import math
import os
import sqlite3
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
from anyio import to_thread
from sqlite_utils import Database as Tables

from appliance import metrics
from appliance.errors import ApplianceError, DeadlineExceeded, StorageFailed
from appliance.logs import logger, place_of
from appliance.store.faults import StoreError, disk_is_why, storage_error
from appliance.store.headway import Headway
from appliance.store.lock import Use
from appliance.store.migrations import migrate
from appliance.store.readers import BUSY_MS, Readers
from appliance.store.writing import LATE, Writing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from anyio.abc import TaskStatus

log = logger(__name__)
Result = TypeVar("Result")

MOST_WAITING: Final = 1024
"""Changes that may wait; the next one waits for room."""
MOST_TOGETHER: Final = 128
"""Changes of one transaction."""
DAY_MS: Final = 86_400_000
SETUP: Final = (
    f"PRAGMA busy_timeout = {BUSY_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = FULL",  # a turn that was acknowledged survives the loss of power
    "PRAGMA secure_delete = ON",  # what is deleted is overwritten
    "PRAGMA journal_size_limit = 67108864",
)


class Database:
    """Of the file at `path`. `run` has to run while anything is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failed: ApplianceError | None = None
        """Why nothing could be written the last time; None while all is well."""
        self._send, self._wanted = anyio.create_memory_object_stream[Writing[Any]](MOST_WAITING)
        self._writer: Tables | None = None
        self._use = Use(path.parent)
        self._readers = Readers(path)
        self._one = anyio.CapacityLimiter(1)
        self.headway = Headway(path.parent)
        """Of the change or the checkpoint under way."""
        self.alive = False
        """Whether the writer runs."""

    def open(self) -> None:
        """Make the file or bring it up to date. Raises `StoreError`; a disk that cannot be written is only read."""
        try:
            self._open_to_write()
        except StoreError:
            self._use.end()
            raise
        except (sqlite3.Error, OSError) as error:
            cause = storage_error(error, self.path.parent)
            try:
                if not isinstance(cause, StorageFailed):  # a migration is wrong, not the disk
                    raise
                self._readers.open(unwritable=True)
            except sqlite3.Error as worse:
                if not (self._readers.log_has_more() and disk_is_why(worse)):
                    self._use.end()
                    raise StoreError(f"{self.path}: {cause.message}") from worse
                # All is there, and is read as soon as the disk lets us; to start again would not help.
            self.failed = cause
            log.error("database is only read", file=str(self.path), code=cause.code)

    def _open_to_write(self) -> Tables:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._use.begin()
        with suppress(FileExistsError):  # to close a file that is in use here would let go of SQLite's locks on it
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        try:
            for line in SETUP:
                _execute(connection, line)
            self._writer = Tables(connection)
            migrate(self._writer)
        except BaseException as error:
            connection.close()
            self._writer = None
            if isinstance(error, StoreError):
                raise StoreError(f"{self.path}: {error}") from error
            raise
        self._readers.open()
        return self._writer

    def close(self) -> None:
        """Nothing is read or written any more."""
        self._send.close()
        self._wanted.close()
        self._let_go()
        self._use.end()

    def _let_go(self, *, unwritable: bool = False) -> None:
        self._readers.drop(unwritable=unwritable)
        if self._writer is not None:
            self._writer.conn.close()
            self._writer = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Database]:
        """Opened, and written for as long as the block lasts; what waits at its end is written too."""
        if self._writer is None and self.failed is None:
            self.open()
        async with anyio.create_task_group() as tasks:
            await tasks.start(self.run)
            try:
                yield self
            finally:
                tasks.cancel_scope.cancel()

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Write what is wanted until cancelled, and then what still waits."""
        metrics.WRITES_WAITING.set_function(lambda: self._wanted.statistics().current_buffer_used)
        self.alive = True
        task_status.started()
        try:
            while True:
                await self._write_some(await self._wanted.receive())
        finally:
            self.alive = False
            self._send.close()
            with anyio.CancelScope(shield=True):
                async for left in self._wanted:
                    await self._write_some(left)
                    if left.error is not None and isinstance(left.error, StorageFailed):
                        break  # the others would wait as long, for nothing
                self._refuse_all()
                await to_thread.run_sync(self._let_go)
                self._use.end()
                self._wanted.close()

    def _refuse_all(self) -> None:
        """Nothing more is written: say so to whoever waits."""
        with suppress(anyio.WouldBlock, anyio.EndOfStream, anyio.ClosedResourceError):
            while True:
                left = self._wanted.receive_nowait()
                left.error = storage_error(anyio.ClosedResourceError())
                left.ended.set()

    async def _write_some(self, first: Writing[Any]) -> None:
        batch = [first]
        while len(batch) < MOST_TOGETHER:
            try:
                batch.append(self._wanted.receive_nowait())
            except (anyio.WouldBlock, anyio.EndOfStream):
                break
        with anyio.CancelScope(shield=True), metrics.WRITE_SECONDS.time():
            await to_thread.run_sync(self._commit_all, batch, limiter=self._one)
        for writing in batch:
            writing.ended.set()

    def _commit_all(self, batch: Sequence[Writing[Any]]) -> None:
        with self.headway.watched():
            self._commit(batch)

    def _commit(self, batch: Sequence[Writing[Any]]) -> None:
        """All in one transaction; where one of them is wrong, each in its own."""
        try:
            self._transact(batch)
            self.failed = None
        except Exception as error:  # noqa: BLE001 - each change is told its own
            known = self._known(error)
            if len(batch) > 1 and not isinstance(known, StorageFailed):
                for writing in batch:
                    self._commit([writing])
                return
            for writing in batch:
                writing.error = known

    def _transact(self, batch: Sequence[Writing[Any]]) -> None:
        tables = self._writer or self._open_to_write()
        tables.conn.execute("BEGIN IMMEDIATE")
        try:
            for writing in batch:
                writing.error = None
                if writing.withdrawn:
                    writing.error = DeadlineExceeded(LATE)
                    continue
                try:
                    with tables.atomic():
                        writing.result = writing.change(tables)
                except ApplianceError as refused:
                    writing.error = refused
            tables.conn.execute("COMMIT")
        except BaseException:
            if tables.conn.in_transaction:  # a full disk has rolled back by itself
                tables.conn.execute("ROLLBACK")
            raise

    def _known(self, error: Exception) -> Exception:
        if not isinstance(error, sqlite3.Error | OSError | StoreError):
            return error
        known = StorageFailed(str(error)) if isinstance(error, StoreError) else storage_error(error, self.path.parent)
        log.error("change not written", code=known.code, **place_of(error))
        metrics.WRITES_FAILED.labels(known.code).inc()
        if isinstance(known, StorageFailed):
            self.failed = known
            # It is opened anew: readers of a disk that was read-only keep it so for this process. Not where only room
            # is wanting: who reads would find no index of the log any more, and none can be made.
            if known.code != "storage_full":
                self._let_go(unwritable=True)
        return known

    def begin(self, change: Callable[[Tables], Result]) -> Writing[Result]:
        """Queue a change at once, in order with the others; where too many wait, it has failed already."""
        writing = Writing(change)
        try:
            self._send.send_nowait(writing)
        except (anyio.WouldBlock, anyio.ClosedResourceError, anyio.BrokenResourceError) as full:
            writing.error = storage_error(full)
            metrics.WRITES_FAILED.labels(writing.error.code).inc()
            writing.ended.set()
        return writing

    async def write(self, change: Callable[[Tables], Result]) -> Result:
        """Make a change; returns when it is on disk. A caller that is cancelled meanwhile does not take it back."""
        writing = Writing(change)
        try:
            await self._send.send(writing)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError) as closed:
            raise storage_error(closed) from closed
        return await writing.done()

    async def checkpoint(self) -> None:
        """Empty the write-ahead log, between two transactions. Where a reader still needs it, the next time."""
        await to_thread.run_sync(self._checkpoint, limiter=self._one)

    def _checkpoint(self) -> None:
        if self._writer is not None:
            try:
                with self.headway.watched():
                    self._fold(self._writer.conn)
            except sqlite3.Error as error:
                raise storage_error(error) from error

    @staticmethod
    def _fold(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA busy_timeout = 0")  # no turn waits for a reader's sake
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")

    async def read(self, query: Callable[[Tables], Result]) -> Result:
        """Look something up. Raises a storage error, `DeadlineExceeded` for what takes too long."""
        return await self._readers.read(query)

    async def search(self, query: Callable[[Tables], Result]) -> Result:
        """As `read`, for what may take long: one after the other, and nobody else waits for it."""
        return await self._readers.search(query)


def _execute(connection: sqlite3.Connection, line: str) -> None:
    """Wait also where SQLite does not: while another process opens the file for the first time."""
    until = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute(line)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return math.floor(time.time() * 1000)
