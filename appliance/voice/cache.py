"""Answers on disk.

An entry is found by a digest of everything that it depends on, and locked with another one (AES-GCM): whoever has only
the disk can read neither what was asked nor what was answered, and a damaged entry is noticed. Everything here is a
convenience: a fault counts as a miss.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, Final

import diskcache
import msgspec
from anyio import to_thread
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance import metrics
from appliance.bytes_on_disk import FAULTS, has_room, open_cache
from appliance.jobs import AnyPart, Speak, Transcribe
from appliance.logs import logger, place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.jobs import AnyJob

log = logger(__name__)

FORMAT: Final = 1
NONCE_BYTES: Final = 12
JOURNAL: Final = {"sqlite_journal_mode": "truncate", "sqlite_synchronous": 0}
"""Without a write-ahead log, whose index would be mapped into memory. It need not survive the loss of power."""
AGAIN_SECONDS: Final = 60.0
"""A cache that could not be opened, or had no room, is tried again after so long."""

Parts = list[tuple[AnyPart, bytes]]
_decode: Final = msgspec.msgpack.Decoder(Parts).decode


class Cache:
    """Answers on disk in `folder`, `megabytes` of them; the one unused for longest goes first. 0 keeps none.

    `depends` gives what an answer depends on besides its job and payload, such as the digest of the model.
    """

    def __init__(
        self, purpose: str, folder: Path, megabytes: int, days: float, depends: Callable[[AnyJob], str]
    ) -> None:
        self.purpose = purpose
        metrics.cache_known(purpose)
        self._folder, self._megabytes, self._days, self._depends = folder, megabytes, days, depends
        self._cache: Any = None
        self._try_at = 0.0
        self._cramped = False
        """Whether the disk had no room for it the last time."""

    @property
    def on(self) -> bool:
        """Whether anything is kept at all."""
        return self._megabytes > 0

    async def find(self, job: Speak | Transcribe, payload: bytes) -> tuple[bytes, Parts | None]:
        """The key of a job's answer, and the answer if it is kept."""
        return await to_thread.run_sync(self._find, job, payload)

    async def keep(self, key: bytes, parts: Parts) -> None:
        """Keep an answer."""
        await to_thread.run_sync(self._keep, key, parts)

    def _find(self, job: Speak | Transcribe, payload: bytes) -> tuple[bytes, Parts | None]:
        key = self._key(job, payload)
        return key, self._get(key)

    def _key(self, job: Speak | Transcribe, payload: bytes) -> bytes:
        """Digest of everything that the answer depends on, which is not who waits for it."""
        told = msgspec.structs.replace(job, priority="typed") if isinstance(job, Speak) else job
        parts = (str(FORMAT).encode(), self._depends(job).encode(), msgspec.json.encode(told), payload)
        digest = hashlib.sha512()
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.digest()

    def _get(self, key: bytes) -> Parts | None:
        cache = self._opened()
        if cache is None:
            return None
        try:
            kept = cache.get(key[:32])
            if kept is None:
                return None
            return _decode(AESGCM(key[32:]).decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], None))
        except diskcache.Timeout:  # another process writes
            return None
        except (*FAULTS, InvalidTag, msgspec.DecodeError) as error:
            self._give_up(error)
            return None

    def _keep(self, key: bytes, parts: Parts) -> None:
        cache = self._opened()
        if cache is None:
            return
        nonce = token_bytes(NONCE_BYTES)
        locked = nonce + AESGCM(key[32:]).encrypt(nonce, msgspec.msgpack.encode(parts), None)
        if not self._fits(len(locked)):
            return
        try:
            cache.set(key[:32], locked, expire=self._days * 86_400 or None)
        except diskcache.Timeout:
            pass
        except FAULTS as error:
            self._give_up(error)

    def _opened(self) -> Any:
        if self._cache is None and time.monotonic() >= self._try_at and self._fits():
            try:
                self._cache = open_cache(str(self._folder), self._megabytes, timeout=1, **JOURNAL)
            except FAULTS as error:
                self._give_up(error)
        return self._cache

    def _give_up(self, error: Exception) -> None:
        """It cannot be used: begin a new one. Where that cannot be either, do without for a while."""
        log.warning("cache begun anew", purpose=self.purpose, **place_of(error))
        metrics.CACHE_FAULTS.labels(self.purpose).inc()
        self._delete(AGAIN_SECONDS if self._cache is None else 0)

    def _fits(self, size: int = 0) -> bool:
        """Whether the disk has room; where not, what is here is in the way of what has to be remembered."""
        if has_room(self._folder, size):
            self._cramped = False
            return True
        if not self._cramped:
            log.warning("cache emptied: the disk has little room", purpose=self.purpose)
        self._cramped = True
        self._delete(AGAIN_SECONDS)
        return False

    def _delete(self, pause_seconds: float) -> None:
        self._try_at = time.monotonic() + pause_seconds
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Let go of the files; they are opened again when they are needed."""
        if self._cache is not None:
            with suppress(*FAULTS):
                self._cache.close()
            self._cache = None
