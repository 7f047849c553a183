"""Trying on a copy what this appliance would do to the database, while another one works on it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from sqlite_utils import Database as Tables

from appliance.store import tables
from appliance.store.backup import snapshot
from appliance.store.backup.owner import give
from appliance.store.backup.scratch import check_room, scratch
from appliance.store.faults import StoreError
from appliance.store.lock import shared
from appliance.store.migrations import migrate, newer
from appliance.store.taking_over import carry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from appliance.store.backup.watcher import Watcher

COPY: Final = "rehearsed.db"
BACK: Final = "rehearsed-back.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """`rows` by table, `made` the steps that were missing, `undone` those of a newer appliance; `seconds` it took."""

    rows: Mapping[str, int]
    made: Sequence[str]
    undone: Sequence[str]
    seconds: float


def rehearse(database: Path, watcher: Watcher, *, keep: Path | None = None) -> Rehearsed:
    """Copy the database and migrate the copy, or take it over if a newer appliance wrote it; and check the result.

    The copy is deleted, or kept as `keep`. Raises `StoreError` with what is wrong, `BackupError` if there is too little
    room, SQLite's errors.
    """
    if not database.is_file():
        raise StoreError(f"{database}: there is no database to rehearse with.")
    with shared(database.parent), scratch(database.parent, watcher.say) as aside:
        check_room({aside: 3 * snapshot.size(database)})
        copy = aside / COPY
        copy.touch(mode=0o600)
        snapshot.take(database, copy, partial(watcher.progress, "copying"))
        behind, began = snapshot.schema(copy), time.monotonic()
        if undone := newer(behind):
            result = aside / BACK
            rows = carry(copy, result)
        else:
            result = copy
            rows = _migrated(database, copy)
        took = time.monotonic() - began
        made = [step for step in snapshot.schema(result) if step not in behind]
        if keep is not None:
            give(result, database.parent)
            result.replace(keep)
        return Rehearsed(rows=rows, made=made, undone=undone, seconds=took)


def _migrated(database: Path, copy: Path) -> dict[str, int]:
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = OFF")
            before = tables.counts(connection)
            migrate(Tables(connection))
            rows = tables.counts(connection)
            tables.compare(before, rows)
            tables.check_search(connection)
    except (StoreError, sqlite3.Error) as error:
        raise StoreError(f"{database}: its tables cannot be brought up to date: {error}.") from error
    if faults := snapshot.faults(copy):
        raise StoreError(f"{database}: would not be whole after its tables were brought up to date: {faults[0]}.")
    return rows
