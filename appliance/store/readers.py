"""Connections that only read. A file that could not be written when it was opened is read as it was then.

Unless its log has more than it: then nothing is read until the disk lets us.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
from anyio import to_thread
from sqlite_utils import Database as Tables

from appliance import metrics
from appliance.store.faults import storage_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Result = TypeVar("Result")

READERS: Final = 4
READ_SECONDS: Final = 10.0
"""Longest query; a longer one is given up."""
SEARCHERS: Final = 1
SEARCH_SECONDS: Final = 2.0
"""Longest search; searches wait for each other, and nobody else for them."""
BUSY_MS: Final = 5_000
STEPS: Final = 20_000
"""Of SQLite's machine, between two looks at the clock: a few milliseconds."""


class Readers:
    """Of the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._generation = 0
        """Connections of an earlier one have seen the file as it is no longer."""
        self._unwritable = False
        self._few, self._slow = anyio.CapacityLimiter(READERS), anyio.CapacityLimiter(SEARCHERS)

    def open(self, *, unwritable: bool = False) -> None:
        """Make them. `unwritable`: nobody can write the file now. Raises `sqlite3.Error`."""
        self.drop(unwritable=unwritable)
        self._idle.extend(self._reader() for _ in range(1 if unwritable else READERS))
        self._idle[0].execute("SELECT 1 FROM conversations LIMIT 1").fetchone()

    def drop(self, *, unwritable: bool = False) -> None:
        """Close them; those in use when they are given back. `unwritable`: as in `open`, for those that come."""
        self._generation += 1
        self._unwritable = unwritable
        while self._idle:
            self._idle.pop().close()

    async def read(self, query: Callable[[Tables], Result]) -> Result:
        """Look something up. Raises a storage error, `DeadlineExceeded` for what takes too long."""
        return await to_thread.run_sync(self._look_up, query, READ_SECONDS, limiter=self._few)

    async def search(self, query: Callable[[Tables], Result]) -> Result:
        """As `read`, one after the other, and at most `SEARCH_SECONDS` each."""
        return await to_thread.run_sync(self._look_up, query, SEARCH_SECONDS, limiter=self._slow)

    def _look_up(self, query: Callable[[Tables], Result], seconds: float) -> Result:
        began, generation = time.monotonic(), self._generation
        until = began + seconds
        connection = self._taken()
        try:
            connection.set_progress_handler(lambda: time.monotonic() > until, STEPS)
            connection.execute("BEGIN")  # all that one query sees is of one moment
            return query(Tables(connection, recursive_triggers=False, execute_plugins=False))
        except sqlite3.Error as error:
            raise storage_error(error, self._path.parent) from error
        finally:
            metrics.READ_SECONDS.observe(time.monotonic() - began)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if generation == self._generation and len(self._idle) < READERS:
                self._idle.append(connection)
            else:
                connection.close()

    def _taken(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return self._reader()
        except sqlite3.Error as error:
            raise storage_error(error, self._path.parent) from error

    def _reader(self) -> sqlite3.Connection:
        where = self._path.resolve().as_uri()
        try:
            return _opened(f"{where}?mode=ro")
        except sqlite3.OperationalError:
            if not self._unwritable or self.log_has_more():
                raise
            return _opened(f"{where}?mode=ro&immutable=1")  # no write-ahead log can be made beside it

    def log_has_more(self) -> bool:
        """Whether the file without its log may be half of the old and half of the new."""
        try:
            return self._path.with_name(f"{self._path.name}-wal").stat().st_size > 0
        except FileNotFoundError:
            return False
        except OSError:
            return True


def _opened(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection
