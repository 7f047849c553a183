"""A copy of the database from before its tables change, and putting it back where nothing better can be done.

The service is stopped. Its files are opened with its own rights only.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from appliance.releases import durable
from appliance.releases.faults import Refused
from appliance.releases.lock import folder_alone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from appliance.releases.layout import Layout

NAME: Final = "appliance.db"
LOG: Final = "-wal"
ALONE_SECONDS: Final = 120.0
"""For a backup that is under way to end."""
SPARE_BYTES: Final = 64_000_000
REHEARSED: Final = ".rehearsed"
PUT_BACK: Final = ".put-back"
KEPT_DAYS: Final = 14
"""For a newer release's database that was put aside; the last of them stays."""
ASIDE: Final = re.compile(re.escape(NAME) + r"\.newer-(\d{8})T[^.]*Z(-\d+)?")


def before(layout: Layout) -> Path:
    """Where the copies are."""
    return layout.state / "before"


def size(database: Path) -> int:
    """Bytes of the file with its log."""
    return sum(path.stat().st_size for path in (database, _log(database)) if path.exists())


def check_room(layout: Layout, database: Path, more: int) -> None:
    """Raise `Refused` if there is no room for a copy, and for so many bytes `more` on the database's own disk."""
    needs: dict[int, int] = {}
    for folder, needed in ((layout.state, size(database)), (database.parent, more)):
        disk = folder.stat().st_dev
        needs[disk] = needs.get(disk, SPARE_BYTES) + needed
        free = shutil.disk_usage(folder).free
        if free < needs[disk]:
            raise Refused(
                f"{folder}: the disk has {free / 1e6:,.0f} MB free, and {needs[disk] / 1e6:,.0f} MB are needed for"
                " copies of the database"
            )


@contextmanager
def rehearsal(layout: Layout, database: Path) -> Iterator[Path]:
    """The service's own folder for a rehearsal, beside its database, and empty at first. Nothing of it stays."""
    folder = database.parent / REHEARSED
    with layout.as_service():
        durable.remove_tree(folder)
        folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        with layout.as_service():
            durable.remove_tree(folder)


def take(layout: Layout, database: Path, name: str) -> None:
    """Copy the database with its log into the folder `name`, whole or not at all. Raises `Refused`, `OSError`."""
    to, aside = before(layout) / name, before(layout) / f".{name}"
    before(layout).mkdir(mode=0o700, exist_ok=True)
    durable.remove_tree(aside)
    aside.mkdir(mode=0o700)
    with folder_alone(database.parent, wait_seconds=ALONE_SECONDS):
        for source, target in ((database, aside / NAME), (_log(database), aside / (NAME + LOG))):
            with layout.as_service():
                opened = _opened(source)
            if opened is not None:
                with opened, target.open("xb") as out:
                    shutil.copyfileobj(opened, out, 1 << 20)
    _check(aside / NAME)
    with (aside / NAME).open("rb") as file:
        os.fsync(file.fileno())
    durable.sync(aside)
    aside.rename(to)
    durable.sync(to.parent)


def put_back(layout: Layout, database: Path, name: str) -> Path | None:
    """Switch to the copy; what was there keeps the name that is returned. Raises `Refused` if there is no copy."""
    copy = before(layout) / name / NAME
    if not name or not copy.is_file():
        raise Refused(f"{copy}: there is no copy of the database from before")
    with folder_alone(database.parent, wait_seconds=ALONE_SECONDS), copy.open("rb") as source, layout.as_service():
        fresh = database.with_name(database.name + PUT_BACK)
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
                out.flush()
                os.fsync(handle)
        except BaseException:
            fresh.unlink()
            raise
        old = None
        if database.exists():
            old = database.with_name(f"{database.name}.newer-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
            os.link(database, old, follow_symlinks=False)
            if _log(database).exists():  # it belongs to the newer one
                _log(database).rename(_log(old))
        database.with_name(database.name + "-shm").unlink(missing_ok=True)
        durable.sync(database.parent)
        fresh.replace(database)
        durable.sync(database.parent)
    return old


def forget(layout: Layout, database: Path) -> None:
    """Remove the copies, also those of a rehearsal that was killed: they are what people said."""
    if before(layout).is_dir():
        for path in before(layout).iterdir():
            shutil.rmtree(path)
        durable.sync(before(layout))
    with layout.as_service():
        durable.remove_tree(database.parent / REHEARSED)
        database.with_name(database.name + PUT_BACK).unlink(missing_ok=True)


def left(layout: Layout, database: Path) -> bool:
    """Whether there is something to forget."""
    kept = before(layout)
    return (kept.is_dir() and any(kept.iterdir())) or (database.parent / REHEARSED).exists()


def sweep(layout: Layout, database: Path) -> list[Path]:
    """Remove databases of newer releases that were put aside `KEPT_DAYS` ago, but for the last one; which they were."""
    limit = f"{datetime.now(UTC) - timedelta(days=KEPT_DAYS):%Y%m%d}"
    gone: list[Path] = []
    if not database.parent.is_dir():
        return gone
    with layout.as_service():
        aside = sorted(path for path in database.parent.iterdir() if ASIDE.fullmatch(path.name))
        for path in aside[:-1]:
            found = ASIDE.fullmatch(path.name)
            if found is not None and found[1] < limit:
                path.unlink()
                _log(path).unlink(missing_ok=True)
                gone.append(path)
    return gone


def _check(copy: Path) -> None:
    """Bring the log into the copy and let SQLite look at all of it."""
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")  # the service's user has written it, and we are root
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            lines = [str(line) for (line,) in connection.execute("PRAGMA quick_check(100)")]
    except sqlite3.Error as error:
        raise Refused(f"the copy of the database cannot be read: {error}") from error
    # SQLite 3.40 (Debian 12) sees NULL where there is none, in tables without row ids: store/inspection has more of it.
    wrong = [line for line in lines if line != "ok" and not line.startswith("NULL value in ")]
    if wrong:
        raise Refused(f"the copy of the database is damaged: {wrong[0]}")


def _opened(path: Path) -> BinaryIO | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Refused(f"{path}: is no plain file")
    return os.fdopen(handle, "rb")


def _log(database: Path) -> Path:
    return database.with_name(database.name + LOG)
