"""A disk cache of bytes and nothing else.

diskcache would pickle anything else, and whoever could write such a file would run code here.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

import diskcache

FAULTS: Final = (OSError, sqlite3.Error, ValueError, TypeError, KeyError, diskcache.Timeout)
"""What a cache that is damaged, full or gone may raise."""


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


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("bytes only")
    return value
