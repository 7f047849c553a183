"""A bundle: one file with all that a release is made of. Its manifest comes first and is judged before all else."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.releases import manifest as manifests
from appliance.releases.faults import Refused
from appliance.releases.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from appliance.releases.manifest import Manifest

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.json.sig"
MOST_MANIFEST_BYTES: Final = 8 << 20
MOST_SIGNATURE_BYTES: Final = 64 << 10
LEFT_OUT: Final = ("debs/",)
"""Read and compared, but not unpacked: others use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What comes first. Until the signature was verified nothing may be made of the text."""

    text: bytes
    signature: bytes | None


class Bundle:
    """Read once, from front to end: `head`, then `unpack`."""

    def __init__(self, file: BinaryIO) -> None:
        self._tape = Tape(file)
        self._ahead: tuple[str, int] | None = None

    def head(self) -> Head:
        """The manifest's text and its signature. Raises `Refused`."""
        text = self._whole(self._tape.next(), MANIFEST, MOST_MANIFEST_BYTES)
        self._ahead = self._tape.next()
        if self._ahead is None or self._ahead[0] != SIGNATURE:
            return Head(text=text, signature=None)
        signature = self._whole(self._ahead, SIGNATURE, MOST_SIGNATURE_BYTES)
        self._ahead = self._tape.next()
        return Head(text=text, signature=signature)

    def unpack(
        self,
        manifest: Manifest,
        folder: Path | None,
        known: Mapping[str, Path] | None = None,
        count: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Write all that the manifest names into `folder`, which has to be empty and nobody else's.

        `known` has files of this disk that are the same, by their names in the bundle: they are linked, and the
        bundle's own bytes are compared only. Without a folder all is compared and nothing written. `count` hears of
        bytes as they are read. Raises `Refused` with the file's name if its bytes are not those that the manifest has,
        if it is missing, or if it is not named there.
        """
        awaited = {file.path: file for file in manifest.files}
        while self._ahead is not None:
            name, size = self._ahead
            file = awaited.pop(name, None)
            if file is None:
                raise Refused(f"the bundle has {name!r}, which its manifest does not name, or has it twice")
            if size != file.bytes:
                raise Refused(f"{name} is damaged: it has {size:,} bytes, and the manifest says {file.bytes:,}")
            to = None if folder is None or name.startswith(LEFT_OUT) else folder / name
            there = (known or {}).get(name)
            linked = to is not None and there is not None and _link(there, to)
            digest = self._copy(self._counted(name, size, count), None if linked else to)
            if digest != file.sha256:
                raise Refused(f"{name} is damaged: its SHA-256 is {digest}, and the manifest says {file.sha256}")
            self._ahead = self._tape.next()
        if awaited:
            raise Refused(f"the bundle lacks {min(awaited)}, which its manifest names")

    def _counted(self, name: str, size: int, count: Callable[[int], None]) -> Iterator[bytes]:
        for chunk in self._tape.chunks(name, size):
            yield chunk
            count(len(chunk))

    def _copy(self, chunks: Iterator[bytes], to: Path | None) -> str:
        digest = hashlib.sha256()
        if to is None:
            for chunk in chunks:
                digest.update(chunk)
            return digest.hexdigest()
        to.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with os.fdopen(handle, "wb") as out:
            for chunk in chunks:
                digest.update(chunk)
                out.write(chunk)
        return digest.hexdigest()

    def _whole(self, member: tuple[str, int] | None, name: str, most: int) -> bytes:
        if member is None or member[0] != name:
            raise Refused(f"this is no bundle: {name} does not come first")
        if member[1] > most:
            raise Refused(f"the bundle is damaged: {name} has {member[1]:,} bytes, and {most:,} are the most")
        return b"".join(self._tape.chunks(*member))


def _link(there: Path, to: Path) -> bool:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(there, to, follow_symlinks=False)
    except OSError:  # on another disk
        return False
    return True


def parse(head: Head) -> Manifest:
    """The manifest of a head whose signature was verified. Raises `Refused`."""
    return manifests.parse(head.text)
