"""Gzip with a seal: a flipped bit anywhere is noticed.

Gzip's own checksum covers what was packed, but not its head nor the bits that fill up bytes. So a second, empty gzip
member follows, whose comment is the SHA-256 of all packed bytes before it; `tar` and `gunzip` read over it.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Final, Protocol

from appliance.store.faults import Damaged

LEVEL: Final = 1
"""The quickest; higher ones make a database a tenth smaller in twice the time."""
CHUNK: Final = 1 << 18
"""Bytes read at once; memory does not grow with the backup."""
GZIP: Final = zlib.MAX_WBITS | 16


class Reads(Protocol):
    """Where bytes come from, `size` at most; none at the end."""

    def read(self, size: int, /) -> bytes:
        """The next ones."""
        ...


class Writes(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int:
        """All of these."""
        ...


def seal(digest: str) -> bytes:
    """An empty gzip member with a comment."""
    head = b"\x1f\x8b\x08\x10\0\0\0\0\0\xff"
    return head + b"sha256:" + digest.encode() + b"\0\x03\0" + bytes(8)


SEAL_BYTES: Final = len(seal("0" * 64))


class Packed:
    """Packs what is written, and seals it at the end."""

    def __init__(self, out: Writes) -> None:
        self._out = out
        self._gzip = zlib.compressobj(LEVEL, wbits=GZIP)
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Pack these bytes."""
        self._put(self._gzip.compress(data))

    def seal(self) -> None:
        """There is no more."""
        self._put(self._gzip.flush())
        self._out.write(seal(self._digest.hexdigest()))

    def _put(self, packed: bytes) -> None:
        self._digest.update(packed)
        self._out.write(packed)


class Unpacked:
    """Unpacks no more than it is asked for. Raises `Damaged` where the bytes cannot be what was packed."""

    def __init__(self, source: Reads) -> None:
        self._source = source
        self._gzip = zlib.decompressobj(GZIP)
        self._digest = hashlib.sha256()
        self._held = b""

    def read(self, size: int) -> bytes:
        """Exactly so many bytes."""
        parts, missing = [], size
        while missing:
            part = self._some(missing)
            if not part:
                raise Damaged("it ends too early")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def end(self) -> None:
        """There must be no more, and the seal must be right."""
        if self._some(1) or not self._gzip.eof or self._gzip.unused_data or self._packed():
            raise Damaged("it does not end where it should")
        if self._held != seal(self._digest.hexdigest()):
            raise Damaged("its bytes are not those that were sealed")

    def _some(self, most: int) -> bytes:
        while not self._gzip.eof:
            packed = self._gzip.unconsumed_tail or self._packed()
            try:
                part = self._gzip.decompress(packed, most)
            except zlib.error as error:
                raise Damaged("it cannot be unpacked") from error
            if part or not packed:
                return part
        return b""

    def _packed(self) -> bytes:
        """The next packed bytes; the last ones are held back, since they are the seal."""
        while chunk := self._source.read(CHUNK):
            self._held += chunk
            packed, self._held = self._held[:-SEAL_BYTES], self._held[-SEAL_BYTES:]
            if packed:
                self._digest.update(packed)
                return packed
        return b""
