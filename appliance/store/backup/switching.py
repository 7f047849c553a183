"""Putting another file in the place of the database, so that at every moment one of the two is there."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from appliance.store.backup.kept import STAMP
from appliance.store.backup.owner import give
from appliance.store.backup.scratch import sync
from appliance.store.faults import BackupError

if TYPE_CHECKING:
    from pathlib import Path

BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def free_suffix(word: str, *paths: Path) -> str:
    """An ending with the time of now under which nothing lies beside any of the paths: `.WORD-TIME`."""
    suffix = stem = f".{word}-{datetime.now(UTC).strftime(STAMP)}"
    number = 1
    while any(path.with_name(path.name + suffix).exists() for path in paths):
        suffix = f"{stem}-{(number := number + 1)}"
    return suffix


def fold(database: Path) -> None:
    """Bring the write-ahead log into the file. Raises `BackupError` if anybody has it open, by whatever program.

    Where that fails for another reason, it is kept with its log.
    """
    if not database.exists():
        return
    where = f"{database.resolve().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(where, uri=True, isolation_level=None, timeout=0)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.Error as error:
        if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in BUSY:
            raise BackupError(f"{database}: another program has it open; end that first.") from error


def bring_to_disk(path: Path, folder: Path) -> None:
    """A file or folder and all in it, as the owner's of `folder`."""
    for each in (path, *path.rglob("*")):
        give(each, folder)
        if each.is_dir():
            sync(each)
        else:
            with each.open("rb") as file:
                os.fsync(file.fileno())


def switch(database: Path, replacement: Path, suffix: str) -> list[Path]:
    """The replacement takes the place of what is there, which keeps a name with `suffix`; those names."""
    before: list[Path] = []
    log, shared_memory = (database.with_name(database.name + end) for end in ("-wal", "-shm"))
    if database.exists():
        old = database.with_name(database.name + suffix)
        os.link(database, old)
        before.append(old)
        if log.exists():  # it could not be folded in, and belongs to the old one alone
            log.rename(old.with_name(old.name + "-wal"))
    log.unlink(missing_ok=True)
    shared_memory.unlink(missing_ok=True)
    sync(database.parent)
    replacement.replace(database)
    sync(database.parent)
    return before
