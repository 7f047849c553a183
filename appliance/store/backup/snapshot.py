"""A copy of the database at one moment, made while others write; and what can be told from such a copy."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sqlite_utils import Database as Tables

from appliance.store import inspection
from appliance.store.migrations import applied
from appliance.store.readers import BUSY_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAGES: Final = 1024
"""Copied between two reports: 4 MB, a few milliseconds."""
COUNTED: Final = ("conversations", "items", "keys", "responses")
"""Tables whose rows are counted for whoever restores a backup."""


def size(database: Path) -> int:
    """Bytes that a copy would have now."""
    with _source(database) as source:
        (pages,), (page,) = (source.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
        return int(pages) * int(page)


def take(database: Path, copy: Path, on_bytes: Callable[[int, int], None]) -> None:
    """Copy the database as it is now into a new file; `on_bytes` hears (done, total). Raises SQLite's errors.

    SQLite's backup begins anew whenever another connection has written, and so never ends beside a busy box. Inside a
    read transaction it does end, since there is one moment to copy. In WAL mode nobody waits for it; the log cannot be
    emptied meanwhile and grows by what is written. `VACUUM INTO` is as consistent, but takes longer and does not say
    how far it is.
    """
    with _source(database) as source, _closed(sqlite3.connect(copy)) as target:
        (page,) = source.execute("PRAGMA page_size").fetchone()
        target.execute("PRAGMA journal_mode = OFF")  # a copy that is broken off is thrown away
        target.execute("PRAGMA synchronous = OFF")
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()  # the moment
        source.backup(
            target, pages=PAGES, progress=lambda _, left, total: on_bytes((total - left) * page, total * page)
        )


def faults(copy: Path) -> list[str]:
    """What is wrong with a copy, a line each; nothing if it is whole. Reads all of it."""
    try:
        with _copy(copy) as connection:
            return inspection.faults(connection, deep=True)
    except sqlite3.Error as error:
        return [str(error)]


def schema(copy: Path) -> tuple[str, ...]:
    """The migrations that a copy has behind it."""
    with _copy(copy) as connection:
        return applied(Tables(connection, execute_plugins=False))


def applied_to(database: Path) -> tuple[str, ...]:
    """The migrations that a database has behind it, which may be in use."""
    with _source(database) as connection:
        return applied(Tables(connection, execute_plugins=False))


def counts(copy: Path) -> dict[str, int]:
    """Rows by table; of an older schema those that it has."""
    with _copy(copy) as connection:
        there = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        return {
            table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            for table in COUNTED
            if table in there
        }


@contextmanager
def _closed(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _source(database: Path) -> Iterator[sqlite3.Connection]:
    where = f"{database.resolve().as_uri()}?mode=ro"
    with _closed(sqlite3.connect(where, uri=True, isolation_level=None, timeout=BUSY_MS / 1000)) as connection:
        yield connection


@contextmanager
def _copy(copy: Path) -> Iterator[sqlite3.Connection]:
    where = f"{copy.resolve().as_uri()}?mode=ro&immutable=1"
    with _closed(sqlite3.connect(where, uri=True, isolation_level=None)) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")  # it may come from anywhere
        yield connection
