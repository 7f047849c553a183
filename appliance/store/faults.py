"""What can go wrong with the disk, in words."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from typing import TYPE_CHECKING, Final

import anyio

from appliance.errors import ApplianceError, DeadlineExceeded, InternalError, Overloaded, StorageFailed

if TYPE_CHECKING:
    from pathlib import Path


class StoreError(Exception):
    """The database cannot be used at all; the message says why and what to do."""


class BackupError(Exception):
    """A backup cannot be made, read or restored; the message says why and what to do."""


class Damaged(BackupError):
    """The bytes of a backup are not those that were written; the message names the part."""


FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
READ_ONLY: Final = (errno.EROFS, errno.EACCES, errno.EPERM)


VAGUE: Final = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""What SQLite says of a full disk too, where a file beside the database cannot grow or be made."""
NEXT_TO_NOTHING: Final = 65_536
"""Bytes; with less no database is opened."""


def storage_error(error: Exception, folder: Path | None = None) -> ApplianceError:
    """The error of the tree for one of SQLite's or the system's; `folder` is the database's, whose disk may be full."""
    match error:
        case anyio.WouldBlock():
            return Overloaded("More waits to be written than the box can hold.", retry_after=2)
        case anyio.ClosedResourceError() | anyio.BrokenResourceError():
            return StorageFailed("The box is shutting down and writes nothing more.")
        case OSError(errno=number):
            return _failed("full" if number in FULL else "read-only" if number in READ_ONLY else "failing")
        case sqlite3.Error():
            code = getattr(error, "sqlite_errorcode", None) or 0
            return _failed("full") if code & 0xFF in VAGUE and folder and _is_full(folder) else _of_sqlite(code)
        case _:
            return _failed("failing")


def disk_is_why(error: sqlite3.Error) -> bool:
    """Whether a file could not be opened for the sake of its disk, and may be whole."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    return code & 0xFF in (*VAGUE, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY)


def _of_sqlite(code: int) -> ApplianceError:
    if code == sqlite3.SQLITE_IOERR_SHMSIZE:  # the index of the write-ahead log, which is made at each opening
        return _failed("full")
    match code & 0xFF:
        case sqlite3.SQLITE_FULL:
            return _failed("full")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return _failed("read-only")
        case sqlite3.SQLITE_INTERRUPT:
            return DeadlineExceeded("The database did not answer in time; ask for less.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StorageFailed("Another process keeps the database busy.", retry_after=2)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StorageFailed("The database file is damaged; restore a backup.", retry_after=60)
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOMEM | sqlite3.SQLITE_PROTOCOL | sqlite3.SQLITE_NOLFS:
            return _failed("failing")
        case _:  # a statement of ours is wrong
            return InternalError("The appliance failed on its database; its log has the place.")


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < NEXT_TO_NOTHING
    except OSError:
        return False


def _failed(how: str) -> StorageFailed:
    if how == "full":
        return StorageFailed("The disk is full: nothing can be remembered.", code="storage_full", retry_after=60)
    return StorageFailed(f"The disk is {how}: nothing can be remembered.", retry_after=60)
