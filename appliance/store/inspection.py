"""Looking at a database without changing it: whether it is whole, which tables it has, how much of it is free."""

from __future__ import annotations

import re
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlite_utils import Database as Tables

from appliance.store.migrations import applied, newer, steps

if TYPE_CHECKING:
    from pathlib import Path

STEPS: Final = 20_000
"""Of SQLite's machine, between two looks at the clock."""
MOST_FAULTS: Final = 20
NULL: Final = re.compile(r"NULL value in (.+)\.(.+)")


@dataclass(frozen=True, slots=True)
class Size:
    """In bytes; `free` is in pages that new rows will use."""

    all: int
    free: int


@dataclass(frozen=True, slots=True)
class Schema:
    """Migrations by name: those behind the file, those that the next start applies, those that are not known here."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    newer: tuple[str, ...]


def opened(path: Path, seconds: float) -> sqlite3.Connection:
    """A connection that reads, for so long, and then interrupts. Raises `sqlite3.Error`.

    Where there is no write-ahead log beside the file, none is made by looking. Whoever begins to write meanwhile makes
    one, and what was seen until then may be half of the old and half of the new.
    """
    quiet = "" if logged(path) else "&immutable=1"
    uri = f"{path.resolve().as_uri()}?mode=ro{quiet}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=2.0, check_same_thread=False)
    until = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > until, STEPS)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def logged(path: Path) -> bool:
    """Whether there is a write-ahead log: somebody has the file open, or was killed."""
    return path.with_name(f"{path.name}-wal").exists()


def faults(connection: sqlite3.Connection, *, deep: bool) -> list[str]:
    """What is wrong, a line each; nothing if it is whole. `deep` also compares indexes and references.

    SQLite 3.40 sees NULL where there is none, in tables WITHOUT ROWID whose key has its columns in another order than
    the table. So what it says of NULL is looked up in the rows.
    """
    check = "integrity_check" if deep else "quick_check"
    rows = connection.execute(f"PRAGMA {check}({MOST_FAULTS})").fetchall()
    found = [line for (text,) in rows for line in str(text).splitlines() if line != "ok" and _true(connection, line)]
    if deep and not found:
        loose = connection.execute('SELECT DISTINCT "table" FROM pragma_foreign_key_check').fetchall()
        found = [f"{table} has rows that belong to none" for (table,) in loose]
    return found


def _true(connection: sqlite3.Connection, line: str) -> bool:
    if not (said := NULL.fullmatch(line)):
        return True
    table, column = (name.replace('"', '""') for name in said.groups())
    # `IS NULL` would not look at a column that is declared NOT NULL.
    query = f"""SELECT 1 FROM "{table}" WHERE typeof("{column}") = 'null' LIMIT 1"""
    return connection.execute(query).fetchone() is not None


def size(connection: sqlite3.Connection) -> Size:
    """As the file itself says."""
    pages, page, free = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "page_size", "freelist_count")
    )
    return Size(pages * page, free * page)


def schema(connection: sqlite3.Connection) -> Schema:
    """Which migrations the file has behind it and before it."""
    database = Tables(connection, execute_plugins=False)
    done = applied(database)
    return Schema(done, tuple(step.name for step in steps.pending(database)), tuple(newer(done)))
