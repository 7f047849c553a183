"""Reading a tar file that may be an enemy's: plain files under plain names, one after the other, and nothing else.

Heads are POSIX ustar's, GNU's for sizes over 8 GB, or pax's with a path or a size that ustar has no room for.
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, BinaryIO, Final

from appliance.releases.faults import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK: Final = tarfile.BLOCKSIZE
CHUNK: Final = 1 << 20
EXTENDED: Final = ("path", "size", "mtime")
MOST_EXTENDED: Final = 1 << 14
"""Bytes of an extended head."""
MOST_FILLING: Final = 1 << 20
"""Bytes of nothing at the end."""


class Tape:
    """The members in order: `next`, then its `chunks`, all of them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def next(self) -> tuple[str, int] | None:
        """Name and size of the next member; None at the end. Raises `Refused`."""
        member = self._head()
        if member is None:
            self._end()
            return None
        extended: dict[str, str] = {}
        if member.type == tarfile.XHDTYPE:
            extended = self._extended(member.size)
            member = self._head()
        if member is None or member.type not in {tarfile.REGTYPE, tarfile.AREGTYPE}:
            raise Refused(f"the bundle has something that is no plain file: {member.name if member else ''!r}")
        size = extended.get("size", str(member.size))
        if not size.isascii() or not size.isdigit():
            raise Refused(f"the bundle is damaged: {member.name!r} has no size")
        return extended.get("path", member.name), int(size)

    def _head(self) -> tarfile.TarInfo | None:
        head = self._file.read(BLOCK)
        if len(head) == BLOCK and not any(head):
            return None
        try:
            return tarfile.TarInfo.frombuf(head, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise Refused(f"the bundle is no tar file, or cut off: {error}") from error

    def _extended(self, size: int) -> dict[str, str]:
        """Records of the form "LENGTH KEY=VALUE", each with the end of a line, as POSIX' pax has them."""
        if not 0 <= size <= MOST_EXTENDED:
            raise Refused(f"the bundle is damaged: an extended head has {size:,} bytes")
        text, told = b"".join(self.chunks("an extended head", size)), {}
        while text:
            length, _, _ = text.partition(b" ")
            record = text[: int(length)] if length.isdigit() and len(length) < 6 else b""
            key, _, value = record[len(length) + 1 : -1].decode(errors="replace").partition("=")
            if key not in EXTENDED or not record.endswith(b"\n"):
                raise Refused(f"the bundle has an extended head with {key!r}, which does not belong there")
            told[key] = value
            text = text[len(record) :]
        return told

    def chunks(self, name: str, size: int) -> Iterator[bytes]:
        """The bytes of the member that `next` came to. Raises `Refused` if it is cut off."""
        left = size
        while left:
            chunk = self._file.read(min(left, CHUNK))
            if not chunk:
                raise Refused(f"the bundle is cut off in {name}")
            left -= len(chunk)
            yield chunk
        filling = -size % BLOCK
        if len(self._file.read(filling)) != filling:
            raise Refused(f"the bundle is cut off after {name}")

    def _end(self) -> None:
        rest = self._file.read(MOST_FILLING + 1)
        if len(rest) > MOST_FILLING or any(rest):
            raise Refused("the bundle has something behind its end")
