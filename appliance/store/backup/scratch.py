"""A private folder for plain copies, beside the database: on its disk, and never where backups are kept."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.store.faults import BackupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

NAME: Final = ".backup"
SPARE_BYTES: Final = 16_000_000
"""Left free, since the box may be writing."""


@contextmanager
def scratch(folder: Path, say: Callable[[str], None]) -> Iterator[Path]:
    """An empty folder in `folder`, for one at a time: a second one says so and waits. It is emptied at the end."""
    path = folder / NAME
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another backup is at work in {folder}; waiting for it to finish.")
            fcntl.flock(handle, fcntl.LOCK_EX)
        _empty(path)  # one that was killed may have left something
        try:
            yield path
        finally:
            _empty(path)
    finally:
        os.close(handle)


def check_room(needs: Mapping[Path, int]) -> None:
    """Raise `BackupError` if a disk has less room than the folders on it need, in bytes."""
    disks: dict[int, list[Path]] = {}
    for folder in needs:
        disks.setdefault(folder.stat().st_dev, []).append(folder)
    for folders in disks.values():
        wanted = sum(needs[folder] for folder in folders) + SPARE_BYTES
        if (free := shutil.disk_usage(folders[0]).free) < wanted:
            raise BackupError(
                f"{folders[0]}: there is too little room on the disk: it has {free / 1e6:,.0f} MB free, "
                f"and {wanted / 1e6:,.0f} MB are needed at most."
            )


def sync(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _empty(path: Path) -> None:
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
