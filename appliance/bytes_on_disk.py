"""A disk cache of bytes and nothing else, which leaves room for what has to be remembered.

diskcache would pickle anything else, and whoever could write such a file would run code here.
"""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING, Any, Final

import diskcache

if TYPE_CHECKING:
    from pathlib import Path

FAULTS: Final = (OSError, sqlite3.Error, ValueError, TypeError, KeyError, diskcache.Timeout)
"""What a cache that is damaged, full or gone may raise."""

SPARED_BYTES: Final = 256_000_000
"""Of a disk; a cache does not take the last ones."""


class Bytes(diskcache.Disk):  # type: ignore[misc]
    """Stores bytes under bytes, and reads nothing else."""

    def put(self, key: object) -> tuple[Any, bool]:
        """The key for the database."""
        return sqlite3.Binary(_bytes(key)), True

    def get(self, key: object, raw: bool) -> bytes:
        """The key from the database."""
        if not raw:
            raise ValueError("a key that is not bytes")
        return _bytes(key)

    def store(self, value: object, read: bool, key: object = diskcache.UNKNOWN) -> Any:  # noqa: ARG002 - diskcache's
        """Write a value."""
        return super().store(_bytes(value), False, key)

    def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> Any:
        """Read a value."""
        if mode not in (diskcache.core.MODE_RAW, diskcache.core.MODE_BINARY):
            raise ValueError("a value that is not bytes")
        return _bytes(super().fetch(mode, filename, value, read))


def open_cache(folder: str, megabytes: int, **options: Any) -> diskcache.Cache:
    """A cache in a folder; the entry that was unused for longest goes first. Raises one of `FAULTS`.

    Its file is read, not mapped: what a failing disk cannot give would end the process.
    """
    return diskcache.Cache(
        folder, size_limit=megabytes * 1_000_000, disk=Bytes, eviction_policy="least-recently-used",
        sqlite_mmap_size=0, **options,
    )  # fmt: skip


def has_room(folder: Path, size: int = 0) -> bool:
    """Whether a cache in `folder` may take `size` bytes more. Where not, what it has stands in the way: delete it."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(place).free - size >= SPARED_BYTES


def give_way(folder: Path) -> None:
    """Delete the caches in `folder` if the disk has no room for them. For a start, before anything else wants room."""
    if not has_room(folder):
        shutil.rmtree(folder, ignore_errors=True)


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("bytes only")
    return value
