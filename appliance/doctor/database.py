"""The database: whole, of this appliance's making, and not grown out of shape. It is only read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from appliance.doctor.check import Check, fault, note, ok, skipped, warning
from appliance.doctor.ground import whoami
from appliance.store import inspection
from appliance.store.faults import storage_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.doctor.ground import Ground
    from appliance.store.inspection import Schema

MB: Final = 1_000_000
QUICK_SECONDS: Final = 15.0
DEEP_SECONDS: Final = 1500.0
QUICK_BYTES: Final = 1000 * MB
"""Larger ones are read with a deep look only: SQLite before 3.41 does not stop in the middle of a check."""
LARGE_LOG: Final = 256 * MB
LOOSE_SHARE: Final = 0.4
LOOSE_BYTES: Final = 200 * MB
RESTORE: Final = "Stop the box, keep the file, and restore: `appliance backup list`, `appliance backup restore FILE`."


def checks(ground: Ground) -> Iterator[Check]:
    """Of the file that the settings name."""
    path = ground.settings.database
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        yield note("database", f"{path}: is not there yet; the first start makes it")
        return
    except PermissionError:
        yield skipped("database", f"{path}: may not be seen by {whoami()}; ask again as root")
        return
    yield from _log(path)
    before = inspection.logged(path)
    found = _looked(path, size, deep=ground.deep)
    if any(check.outcome == "fault" for check in found) and inspection.logged(path) and not before:
        found = _looked(path, size, deep=ground.deep)  # the box has been started meanwhile
    yield from found


def _looked(path: Path, size: int, *, deep: bool) -> list[Check]:
    found: list[Check] = []
    try:
        with closing(inspection.opened(path, DEEP_SECONDS if deep else QUICK_SECONDS)) as connection:
            found.extend(_contents(connection, path, size, deep=deep))
    except sqlite3.Error as error:
        found.append(_refused(path, error))
    return found


def _contents(connection: sqlite3.Connection, path: Path, size: int, *, deep: bool) -> Iterator[Check]:
    if deep or size <= QUICK_BYTES:
        yield _whole(connection, path, size, deep=deep)
    else:
        yield note("database", f"{path}: {size // MB:,} MB, which only --deep reads through")
    yield _schema(inspection.schema(connection))
    pages = inspection.size(connection)
    if pages.free > LOOSE_BYTES and pages.free > LOOSE_SHARE * pages.all:
        seen = (
            f"{pages.free // MB:,} of {size // MB:,} MB are free pages: new rows will use them, the file stays as it is"
        )
        yield note("database pages", seen)


def _whole(connection: sqlite3.Connection, path: Path, size: int, *, deep: bool) -> Check:
    if wrong := inspection.faults(connection, deep=deep):
        return fault("database", f"{path}: damaged: {'; '.join(wrong[:2])[:300]}", RESTORE)
    how = "integrity_check finds nothing, all references hold" if deep else "quick_check finds nothing"
    return ok("database", f"{path}: {size / MB:,.1f} MB, {how}")


def _schema(schema: Schema) -> Check:
    if schema.newer:
        do = "Install the release that wrote it, or `appliance-release rollback` with its data."
        return fault("database tables", f"of a newer appliance ({schema.newer[-1]})", do)
    if schema.pending:
        return note("database tables", f"{len(schema.pending)} steps behind; the next start brings them up to date")
    return ok("database tables", f"up to date ({schema.applied[-1]})")


def _log(path: Path) -> Iterator[Check]:
    log = path.with_name(f"{path.name}-wal")
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return
    seen = f"{log.name}: {size / MB:,.1f} MB"
    if size > LARGE_LOG:
        do = "Some program has been reading for long (a copy of the file, a forgotten sqlite3): end it."
        yield warning("database log", f"{seen}, and is not folded in", do)
    else:
        yield ok("database log", seen)


def _refused(path: Path, error: sqlite3.Error) -> Check:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_INTERRUPT:
        return note("database", f"{path}: not read to its end in the time there was", "`appliance doctor --deep`")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return fault("database", f"{path}: damaged: {error}", RESTORE)
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY):
        return skipped("database", f"{path}: may not be read by {whoami()}; ask again as root")
    seen = f"{path}: {getattr(storage_error(error), 'message', type(error).__name__)}"
    return warning("database", seen, "Ask again; if it stays so, see `dmesg` for the disk.")
