"""The archive: a tar of the manifest and the files that it lists, in its order and nothing else.

`tar xzf` reads it. Ours reads nothing that the manifest does not announce, and takes no other kind of member than a
file: there are no links to follow and no heads of unbounded size.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

from appliance.store.backup import manifest as manifests
from appliance.store.backup.packing import CHUNK, Packed, Unpacked
from appliance.store.faults import BackupError, Damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.store.backup.manifest import File, Manifest
    from appliance.store.backup.packing import Reads, Writes


BLOCK: Final = tarfile.BLOCKSIZE
END: Final = bytes(2 * BLOCK)
OCTAL: Final = 8**11
"""Sizes from here on are written in GNU's way."""


def describe(name: str, path: Path) -> File:
    """What the manifest says of a file; reads all of it."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return manifests.File(name=name, bytes=size, sha256=digest.hexdigest())


def write(
    manifest: Manifest, places: Mapping[str, Path], out: Writes, mtime: int, on_bytes: Callable[[int], None]
) -> None:
    """Pack all files, each from its place. Raises `BackupError` if one is no longer what the manifest says."""
    packed = Packed(out)
    text = manifests.encode(manifest)
    packed.write(_head(manifests.NAME, len(text), mtime) + text + _filling(len(text)))
    done = 0
    for file in manifest.files:
        packed.write(_head(file.name, file.bytes, mtime))
        digest, left = hashlib.sha256(), file.bytes
        with places[file.name].open("rb") as source:
            while chunk := source.read(min(left, CHUNK)):
                digest.update(chunk)
                packed.write(chunk)
                left -= len(chunk)
                on_bytes(done := done + len(chunk))
        if left or digest.hexdigest() != file.sha256:
            raise BackupError(f"{file.name} was changed while it was backed up; try again.")
        packed.write(_filling(file.bytes))
    packed.write(END)
    packed.seal()


def read(
    source: Reads, place: Callable[[str], Path | None], on_manifest: Callable[[Manifest], Callable[[int], None]]
) -> Manifest:
    """Read and compare everything; a file goes to its place, if it has one.

    `on_manifest` hears the manifest before anything is written, and gives who hears the bytes. Raises `Damaged` with
    the name of the first part that is not as it was written.
    """
    unpacked, part = Unpacked(source), f"the manifest ({manifests.NAME})"
    try:
        manifest = _manifest(unpacked)
        on_bytes, done = on_manifest(manifest), 0
        for file in manifest.files:
            part = file.name
            done = _member(unpacked, file, place(file.name), on_bytes, done)
        part = "the archive itself"
        if unpacked.read(len(END)) != END:
            raise Damaged("it has more in it than the manifest lists")
        unpacked.end()
    except Damaged as damaged:
        raise Damaged(f"{part} is damaged: {damaged}.") from damaged
    return manifest


def _manifest(unpacked: Unpacked) -> Manifest:
    head = _parsed(unpacked)
    if head.name != manifests.NAME or head.type != tarfile.REGTYPE or not 0 <= head.size <= manifests.MOST_BYTES:
        raise Damaged("the archive does not begin with it")
    text = unpacked.read(head.size)
    _fill(unpacked, head.size)
    return manifests.decode(text)


def _member(unpacked: Unpacked, file: File, place: Path | None, on_bytes: Callable[[int], None], done: int) -> int:
    head = _parsed(unpacked)
    if (head.name, head.type, head.size) != (file.name, tarfile.REGTYPE, file.bytes):
        raise Damaged("what is in its place is not the file that the manifest lists")
    digest, left = hashlib.sha256(), file.bytes
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with nullcontext() if place is None else open(place, "xb", opener=_private) as target:
        while left:
            chunk = unpacked.read(min(left, CHUNK))
            digest.update(chunk)
            if target is not None:
                target.write(chunk)
            left -= len(chunk)
            on_bytes(done := done + len(chunk))
    if digest.hexdigest() != file.sha256:
        raise Damaged("its SHA-256 is not the manifest's")
    _fill(unpacked, file.bytes)
    return done


def _head(name: str, size: int, mtime: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, mtime, 0o600
    try:
        head = info.tobuf(tarfile.USTAR_FORMAT if size < OCTAL else tarfile.GNU_FORMAT, "utf-8", "strict")
    except ValueError as error:
        raise BackupError(f"{name}: cannot be backed up under this name: {error}.") from error
    if len(head) != BLOCK:
        raise BackupError(f"{name}: cannot be backed up: its name is too long for its size.")
    return head


def _parsed(unpacked: Unpacked) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(unpacked.read(BLOCK), "utf-8", "strict")
    except (tarfile.HeaderError, ValueError) as error:
        raise Damaged("its head is wrong") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _filling(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _fill(unpacked: Unpacked, size: int) -> None:
    if any(unpacked.read(-size % BLOCK)):
        raise Damaged("there is something behind its end")
