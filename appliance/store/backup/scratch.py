"""A private folder for plain copies, beside the database: on its disk, and never where backups are kept."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from contextlib import contextmanager, suppress
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
    handle = _open(path)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another backup is at work in {folder}; waiting for it to finish.")
            fcntl.flock(handle, fcntl.LOCK_EX)
        _empty(handle)  # one that was killed may have left something
        try:
            yield path
        finally:
            _empty(handle)
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


def _open(path: Path) -> int:
    """The folder, made if need be. Raises `BackupError` for anything else: root might be led elsewhere by it."""
    with suppress(FileExistsError):
        path.mkdir(mode=0o700, parents=True)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise BackupError(
                f"{path}: this has to be a folder for backups under way, and is none; remove it."
            ) from error
        raise
    owner, place = os.fstat(handle).st_uid, path.parent.stat()
    if owner not in (place.st_uid, os.geteuid()):
        os.close(handle)
        raise BackupError(f"{path}: this folder belongs to neither {path.parent}'s owner nor you; remove it.")
    if os.geteuid() == 0:  # who is root now must not keep the service's own backups out
        os.fchown(handle, place.st_uid, place.st_gid)
    return handle


def _empty(handle: int) -> None:
    """By descriptor, as there may be something else at the path by now."""
    for name in os.listdir(handle):
        if stat.S_ISDIR(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
            shutil.rmtree(name, dir_fd=handle)
        else:
            os.unlink(name, dir_fd=handle)
