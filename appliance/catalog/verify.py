"""Comparing files with what they must be: by size in no time, or by SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.catalog.lock import Lock
    from appliance.catalog.manifest import Model

CHUNK: Final = 1 << 20
"""Bytes read at once; memory does not grow with the file."""
Watch = Callable[[str, int, int], None]
"""Hears (path, done, total) while a file is hashed."""


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, a chunk at a time."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def sha256(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """SHA-256 of a file in lower-case hex; `on_bytes` hears how many have been read so far."""
    digest, done = hashlib.sha256(), 0
    for chunk in chunks(path):
        digest.update(chunk)
        done += len(chunk)
        if on_bytes is not None:
            on_bytes(done)
    return digest.hexdigest()


def faults(
    model: Model,
    folder: Path,
    lock: Lock,
    *,
    deep: bool,
    on_bytes: Watch | None = None,
) -> list[str]:
    """What is wrong with a model's folder, a line each; empty if nothing is.

    Shallow, it compares sizes; `deep`, it also hashes, of which `on_bytes` hears.
    """
    found = []
    for file in model.files:
        path = folder / file.path
        must = lock.expected(model, file)
        if not path.is_file():
            found.append(f"{path}: is missing")
        elif must is None:
            found.append(f"{path}: its size and digest are in neither the manifest nor {lock.path}")
        elif (size := path.stat().st_size) != must.bytes:
            found.append(f"{path}: has {size} bytes, should have {must.bytes}")
        elif deep:
            digest = sha256(path, _named(on_bytes, f"{model.name}/{file.path}", size))
            if digest != must.sha256:
                found.append(f"{path}: has SHA-256 {digest}, should have {must.sha256}")
    return found


def _named(on_bytes: Watch | None, name: str, total: int) -> Callable[[int], None] | None:
    return on_bytes and (lambda done: on_bytes(name, done, total))
