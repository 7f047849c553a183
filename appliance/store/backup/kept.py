"""The folder of backups: which there are, and how many stay. One folder belongs to one box."""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from appliance.store.backup.encryption import SUFFIX
from appliance.store.backup.scratch import sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

STAMP: Final = "%Y%m%dT%H%M%SZ"
NAMED: Final = re.compile(r"appliance-(\d{8}T\d{6}Z)\.tar\.gz(\.age)?")
UNFINISHED: Final = re.compile(rf"\.{NAMED.pattern}\.new")


@dataclass(frozen=True, slots=True)
class Kept:
    """One backup in the folder; `made` is UTC, `bytes` its size on disk."""

    path: Path
    made: datetime
    bytes: int
    encrypted: bool


def every(folder: Path) -> list[Kept]:
    """All with a name of ours, newest first; none where there is no folder."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if (name := NAMED.fullmatch(path.name)) and path.is_file():
            made = datetime.strptime(name[1], STAMP).replace(tzinfo=UTC)
            found.append(Kept(path, made, path.stat().st_size, encrypted=name[2] is not None))
    return sorted(found, key=lambda kept: kept.path.name, reverse=True)


def free_name(folder: Path, now: datetime, *, encrypted: bool) -> tuple[Path, datetime]:
    """Where the next backup goes, and its moment; a second one within the same second takes the next."""
    taken = {kept.made for kept in every(folder)}
    moment = now.astimezone(UTC).replace(microsecond=0)
    while moment in taken:
        moment += timedelta(seconds=1)
    return folder / f"appliance-{moment.strftime(STAMP)}.tar.gz{SUFFIX if encrypted else ''}", moment


@contextmanager
def unfinished(target: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A file under another name, for its owner alone, that becomes `target` if the block ends well and else goes."""
    aside = target.with_name(f".{target.name}.new")
    handle = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield file, aside
            aside.rename(target)
        sync(target.parent)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def tidy(folder: Path) -> None:
    """Remove what backups that were killed have left; one that is being made stays."""
    for path in folder.iterdir():
        if UNFINISHED.fullmatch(path.name):
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                path.unlink()


def rotate(folder: Path, newest: Path, keep: int) -> list[Path]:
    """Delete the oldest of ours beyond `keep`, and say which; `newest` stays, whatever the clock was."""
    others = [kept.path for kept in every(folder) if kept.path != newest]
    gone = others[max(keep - 1, 0) :]
    for path in gone:
        path.unlink()
    sync(folder)
    return gone


def remove(found: Kept) -> None:
    """Delete one."""
    found.path.unlink()
    sync(found.path.parent)
