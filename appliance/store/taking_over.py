"""Going back to this appliance from a newer one without losing what was said meanwhile.

A migration has no way back. So a fresh file gets this appliance's own tables, and every row of the newer file is copied
into them, as far as the columns go; what only the newer one knows stays in its file, which is kept. Where the newer one
has renamed, dropped or widened something so that rows would be lost on the way, nothing is done.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlite_utils import Database as Tables

from appliance.store import tables
from appliance.store.backup import snapshot
from appliance.store.backup.scratch import check_room, scratch
from appliance.store.backup.switching import bring_to_disk, fold, free_suffix, switch
from appliance.store.faults import StoreError
from appliance.store.lock import alone
from appliance.store.migrations import migrate, newer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from appliance.store.backup.watcher import Watcher

FRESH: Final = "fresh.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """`rows` by table, `undone` the steps that only the newer appliance knew; `before` is what was there."""

    rows: Mapping[str, int]
    undone: Sequence[str]
    before: Sequence[Path]


def take_over(database: Path, file: Path, watcher: Watcher) -> TakenOver | None:
    """Put the rows of a newer appliance's `file` at the place of `database`, in this appliance's tables.

    `file` may be the one at that place. None if this appliance knows all of the file: nothing is changed then. Raises
    `StoreError` while the appliance runs, or if rows would be lost; `BackupError`, SQLite's errors. Until the very end
    nothing but scratch is written, and the end is one rename.
    """
    folder = database.parent
    if not file.is_file():
        raise StoreError(f"{file}: there is no database to take over.")
    with alone(folder), scratch(folder, watcher.say) as aside:
        fold(file)
        undone = newer(snapshot.applied_to(file))
        if not undone:
            return None
        check_room({aside: file.stat().st_size})
        rows = carry(file, aside / FRESH)
        bring_to_disk(aside, folder)
        before = switch(database, aside / FRESH, free_suffix("newer", database))
        return TakenOver(rows=rows, undone=undone, before=before)


def carry(file: Path, fresh: Path) -> dict[str, int]:
    """Copy what this appliance knows of `file` into a new file; rows by table. Raises `StoreError`, SQLite's errors."""
    fresh.touch(mode=0o600, exist_ok=False)
    try:
        with closing(sqlite3.connect(fresh.resolve().as_uri(), uri=True, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # it is brought to the disk as a whole
            connection.execute("PRAGMA cache_size = -200000")  # kB: indexes and searches are made in no order of theirs
            migrate(Tables(connection))
            connection.execute("PRAGMA foreign_keys = OFF")  # no order of the tables suits them all; checked at the end
            connection.execute("ATTACH ? AS later", [f"{file.resolve().as_uri()}?mode=ro"])
            connection.execute("BEGIN")
            for table in tables.ordinary(connection):
                _copy(connection, table)
            _go_on_counting(connection)
            rows = tables.counts(connection)
            later = tables.counts(connection, "later")
            tables.compare({table: later[table] for table in rows}, rows)
            # Of searches that only the newer appliance has.
            connection.execute("DELETE FROM chores WHERE name NOT IN (SELECT name FROM main.sqlite_schema)")
            tables.check_search(connection)
            connection.execute("COMMIT")
            connection.execute("DETACH later")
    except StoreError as error:
        raise StoreError(f"{file}: cannot be taken over: {error}.") from error
    except sqlite3.Error as error:
        raise StoreError(f"{file}: cannot be taken over: {error}.") from error
    if faults := snapshot.faults(fresh):
        raise StoreError(f"{file}: cannot be taken over: {faults[0]}.")
    return rows


def _copy(connection: sqlite3.Connection, table: str) -> None:
    ours, theirs = tables.columns(connection, table), tables.columns(connection, table, "later")
    if not theirs:
        raise StoreError(f"the newer appliance has no table {table}")
    if absent := [column for column in ours if column not in theirs]:
        raise StoreError(f"the newer appliance has no column {absent[0]} in {table}")
    names, name = ", ".join(map(tables.quoted, ours)), tables.quoted(table)
    connection.execute(f"INSERT INTO main.{name} ({names}) SELECT {names} FROM later.{name}")


def _go_on_counting(connection: sqlite3.Connection) -> None:
    """Numbers that were given to rows which are gone are not given again."""
    if not _has(connection, "main") or not _has(connection, "later"):
        return
    for (table,) in connection.execute("SELECT name FROM later.sqlite_sequence").fetchall():
        if table in tables.ordinary(connection):
            connection.execute("DELETE FROM main.sqlite_sequence WHERE name = ?", [table])
            connection.execute(
                "INSERT INTO main.sqlite_sequence SELECT name, seq FROM later.sqlite_sequence WHERE name = ?", [table]
            )


def _has(connection: sqlite3.Connection, schema: str) -> bool:
    query = f"SELECT 1 FROM {schema}.sqlite_schema WHERE name = 'sqlite_sequence'"
    return connection.execute(query).fetchone() is not None
