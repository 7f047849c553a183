"""The archive: a tar of plain files, written whole or not at all. What reads it is `appliance.releases`.

Uncompressed, because wheels and models are compressed already. The manifest and its signature come first, so that
a reader knows what must follow before he reads it. The same members give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from typing import IO, TYPE_CHECKING, Final

from appliance.bundle.faults import BundleError
from appliance.catalog.verify import CHUNK
from appliance.releases import durable
from appliance.releases.bundle import MANIFEST, SIGNATURE
from appliance.releases.manifest import File

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.catalog.listener import Listener
    from appliance.releases.bundle import Head
    from appliance.releases.manifest import Manifest

FORMAT: Final = tarfile.PAX_FORMAT
"""Ustar's heads, extended only for names over 100 characters and members over 8 GB."""
SLACK: Final = 64_000_000
"""Bytes that must stay free on the disk."""


def entries(members: Mapping[str, Path], listener: Listener) -> tuple[File, ...]:
    """Sizes and digests of the members, by path."""
    total, done, found = sum(path.stat().st_size for path in members.values()), 0, []
    for name, path in sorted(members.items()):
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                listener.progress("reading", done + size, total)
        done += size
        found.append(File(name, size, digest.hexdigest()))
    return tuple(found)


def write(
    output: Path, head: Head, manifest: Manifest, members: Mapping[str, Path], epoch: int, listener: Listener
) -> None:
    """Write a bundle; its members are dated `epoch`, in seconds since 1970. Raises BundleError."""
    aside = output.with_name(f".{output.name}.new")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(output.parent).free
        needed = manifest.bytes + SLACK
        if free < needed:
            raise BundleError(
                f"{output.parent}: {needed / 1e6:,.0f} MB are needed, but only {free / 1e6:,.0f} MB are free"
            )
        with aside.open("wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=FORMAT) as tar:
                tar.addfile(described(MANIFEST, len(head.text), epoch), io.BytesIO(head.text))
                if head.signature is not None:
                    tar.addfile(described(SIGNATURE, len(head.signature), epoch), io.BytesIO(head.signature))
                done = 0
                for each in manifest.files:
                    with members[each.path].open("rb") as data:
                        read = _Hashed(data)
                        tar.addfile(described(each.path, each.bytes, epoch), read)  # type: ignore[arg-type]  # it only reads
                    if read.sha256 != each.sha256:
                        raise BundleError(f"{members[each.path]}: was changed while the bundle was made")
                    done += each.bytes
                    listener.progress("writing", done, manifest.bytes)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(output)
        durable.sync(output.parent)
    except OSError as error:
        raise BundleError(f"{output}: cannot be written: {error.strerror or error}") from error
    finally:
        aside.unlink(missing_ok=True)


def described(name: str, size: int, epoch: int) -> tarfile.TarInfo:
    """A member as its head says it: nothing in it comes from the file system."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, epoch, 0o644
    return info


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
