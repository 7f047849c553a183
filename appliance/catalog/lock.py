"""The lock file: what the first pull of a hub model found, which every later pull must find again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.catalog.faults import Damaged

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.catalog.manifest import File, Model

NAME = "models.lock"


class Digest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Size in bytes and SHA-256 in lower-case hex."""

    bytes: int
    sha256: str


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model: the commit of each repository (`hf:OWNER/REPO`) and the digest of each of its hub files."""

    revisions: dict[str, str]
    files: dict[str, Digest]


_ENTRIES: Final = msgspec.json.Decoder(dict[str, Entry])


@dataclass(frozen=True, slots=True)
class Lock:
    """Contents of the lock file at `path`, by model name."""

    path: Path
    entries: dict[str, Entry]

    def expected(self, model: Model, file: File) -> Digest | None:
        """What `file` must be, by the manifest or else by the lock; None if nobody knows yet."""
        if file.bytes is not None and file.sha256 is not None:
            return Digest(file.bytes, file.sha256)
        entry = self.entries.get(model.name)
        return entry.files.get(file.path) if entry else None

    def bytes(self, model: Model) -> int | None:
        """Size of the whole model on disk; None if nobody knows yet."""
        digests = [self.expected(model, file) for file in model.files]
        return None if None in digests else sum(digest.bytes for digest in digests if digest)

    def record(self, name: str, entry: Entry) -> None:
        """Write the file anew with this entry; whole or not at all."""
        self.entries[name] = entry
        text = msgspec.json.format(msgspec.json.encode(self.entries, order="deterministic"), indent=2)
        aside = self.path.with_name(f".{NAME}.new")
        with aside.open("wb") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.path)


def read(root: Path) -> Lock:
    """The lock of a models folder, empty if there is none yet. Raises Damaged if it cannot be understood."""
    path = root / NAME
    try:
        return Lock(path, _ENTRIES.decode(path.read_bytes()))
    except FileNotFoundError:
        return Lock(path, {})
    except msgspec.DecodeError as error:
        raise Damaged(f"{path}: is not a lock file: {error}. Restore it, or remove it to record it anew.") from error
