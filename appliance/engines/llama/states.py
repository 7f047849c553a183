"""Conversations' states on disk, so that they go on after a restart without being read again.

Bytes only: diskcache would pickle anything else, and whoever could write such a file would run code here. An entry is
good for the same model file, the same kind of cache and the same llama.cpp; its tokens are kept beside it, and a
prompt that begins with some of them can use it. Everything here is a convenience: a fault is logged and costs time.
"""

from __future__ import annotations

import hashlib
import sqlite3
from array import array
from typing import TYPE_CHECKING, Any, Final

import diskcache

from appliance.engines.llama.prefix import numbers, shared
from appliance.logs import logger, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logger(__name__)

FORMAT: Final = 2
DIGEST_BYTES: Final = 16
FAULTS: Final = (OSError, sqlite3.Error, ValueError, TypeError, diskcache.Timeout)


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


class States:
    """The kept states of one model. `find` may be called beside the one thread that calls the others."""

    def __init__(self, folder: str, megabytes: int, fingerprint: str) -> None:
        """`fingerprint`: everything that a state depends on."""
        self._prefix = hashlib.blake2b(f"{FORMAT} {fingerprint}".encode(), digest_size=DIGEST_BYTES).digest()
        self._index: dict[bytes, array[int]] = {}
        self._cache = diskcache.Cache(
            folder, size_limit=megabytes * 1_000_000, disk=Bytes, eviction_policy="least-recently-used", cull_limit=8
        )
        for key in self._cache.iterkeys():
            if key.startswith(b"t" + self._prefix):
                tokens = self._cache.get(key)
                if tokens is not None and self._key(tokens) == key[1:]:
                    self._index[key[1:]] = array("i", tokens)

    def find(self, tokens: Sequence[int], *, whole: bool) -> tuple[bytes | None, int]:
        """The entry that has most of a prompt's beginning, and how much. `whole`: it must be all that the entry has."""
        wanted = numbers(tokens)[:-1]
        found, size = None, 0
        for key, kept in tuple(self._index.items()):
            same = shared(numbers(kept), wanted)
            if same > size and not (whole and same < len(kept)):
                found, size = key, same
        return found, size

    def load(self, key: bytes) -> tuple[Sequence[int], bytes] | None:
        """An entry's tokens and state; None if it is not there any more, or not what was kept."""
        tokens = self._index.get(key)
        value = self._cache.get(b"s" + key) if tokens is not None else None
        if tokens is None or value is None or _digest(value[DIGEST_BYTES:]) != value[:DIGEST_BYTES]:
            self._forget(key)
            return None
        self._cache.get(b"t" + key)  # or its tokens would count as long unused, and go without it
        return tokens, value[DIGEST_BYTES:]

    def keep(self, tokens: Sequence[int], state: bytes, *, shorter: bool) -> None:
        """Keep a state; `shorter`: those that it begins with are not needed any more."""
        kept = array("i", tokens)
        key = self._key(kept.tobytes())
        with self._cache.transact(retry=True):
            self._cache.set(b"s" + key, _digest(state) + state)
            self._cache.set(b"t" + key, kept.tobytes())
        self._index[key] = kept
        if shorter:
            for other, begin in list(self._index.items()):
                if other != key and len(begin) <= len(kept) and kept[: len(begin)] == begin:
                    self._forget(other)

    def close(self) -> None:
        """Close the database."""
        self._cache.close()

    def _key(self, tokens: bytes) -> bytes:
        return self._prefix + _digest(tokens)

    def _forget(self, key: bytes) -> None:
        self._index.pop(key, None)
        self._cache.delete(b"s" + key)
        self._cache.delete(b"t" + key)


def open_states(folder: str, megabytes: int, fingerprint: str) -> States | None:
    """The states in a folder; None, and a line in the log, if it cannot be used."""
    try:
        return States(folder, megabytes, fingerprint)
    except FAULTS as error:
        log.warning("kept states unusable; conversations will be read again", **place_of(error))
        return None


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("bytes only")
    return value
