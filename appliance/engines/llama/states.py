"""Conversations' states on disk, so that they go on after a restart without being read again.

Bytes only: diskcache would pickle anything else, and whoever could write such a file would run code here. An entry is
good for the same model file, the same kind of cache and the same llama.cpp; its tokens are kept beside it, and a
prompt that begins with some of them can use it. Everything here is a convenience: a fault is logged and costs time.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.bytes_on_disk import FAULTS, give_way, has_room, open_cache
from appliance.engines.llama.prefix import numbers, shared
from appliance.logs import logger, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import diskcache

log = logger(__name__)

FORMAT: Final = 2
DIGEST_BYTES: Final = 16


class States:
    """The kept states of one model. `find` may be called beside the one thread that calls the others."""

    def __init__(self, folder: str, megabytes: int, fingerprint: str) -> None:
        """`fingerprint`: everything that a state depends on."""
        self._prefix = hashlib.blake2b(f"{FORMAT} {fingerprint}".encode(), digest_size=DIGEST_BYTES).digest()
        self._index: dict[bytes, array[int]] = {}
        self._folder, self._megabytes = Path(folder), megabytes
        give_way(self._folder)
        self._cache: diskcache.Cache | None = None
        cache = self._opened()
        for key in cache.iterkeys():
            if key.startswith(b"t" + self._prefix):
                tokens = cache.get(key)
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
        cache = self._opened()
        value = cache.get(b"s" + key) if tokens is not None else None
        if tokens is None or value is None or _digest(value[DIGEST_BYTES:]) != value[:DIGEST_BYTES]:
            self._forget(key)
            return None
        cache.get(b"t" + key)  # or its tokens would count as long unused, and go without it
        return tokens, value[DIGEST_BYTES:]

    def keep(self, tokens: Sequence[int], state: bytes, *, shorter: bool) -> None:
        """Keep a state; `shorter`: those that it begins with are not needed any more. Raises one of `FAULTS`."""
        kept = array("i", tokens)
        key, data = self._key(kept.tobytes()), _digest(state) + state
        if not has_room(self._folder, len(data)):
            self._empty()
        cache = self._opened()
        with cache.transact(retry=True):
            cache.set(b"s" + key, data)
            cache.set(b"t" + key, kept.tobytes())
        self._index[key] = kept
        if shorter:
            for other, begin in list(self._index.items()):
                if other != key and len(begin) <= len(kept) and kept[: len(begin)] == begin:
                    self._forget(other)

    def _empty(self) -> None:
        """What has to be remembered comes first. Raises `OSError` (ENOSPC) while there is no room even so."""
        self._index.clear()
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)  # not by its database, which a full disk would not let do it
        if not has_room(self._folder):
            raise OSError(errno.ENOSPC, "what is left of the disk is not for caches")

    def _opened(self) -> diskcache.Cache:
        if self._cache is None:
            self._cache = open_cache(str(self._folder), self._megabytes, cull_limit=8)
        return self._cache

    def close(self) -> None:
        """Close the database; it is opened again when it is needed."""
        if self._cache is not None:
            self._cache.close()
            self._cache = None

    def _key(self, tokens: bytes) -> bytes:
        return self._prefix + _digest(tokens)

    def _forget(self, key: bytes) -> None:
        self._index.pop(key, None)
        self._opened().delete(b"s" + key)
        self._opened().delete(b"t" + key)


def open_states(folder: str, megabytes: int, fingerprint: str) -> States | None:
    """The states in a folder; None, and a line in the log, if it cannot be used."""
    try:
        return States(folder, megabytes, fingerprint)
    except FAULTS as error:
        log.warning("kept states unusable; conversations will be read again", **place_of(error))
        return None


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()
