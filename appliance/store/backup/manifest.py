"""The manifest: what a backup has in it, and of which appliance it is. It comes first, so that all else is bounded."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from appliance.store.faults import BackupError, Damaged

NAME: Final = "manifest.json"
FORMAT: Final = 1
MOST_BYTES: Final = 64 << 20
"""Of the manifest itself: it is the one part that is read whole."""
DATABASE: Final = "appliance.db"
SETTINGS: Final = "settings.toml"
DOCUMENTS: Final = "documents"


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file: its name in the archive, size in bytes and SHA-256 in lower-case hex."""

    name: str
    bytes: Annotated[int, Meta(ge=0)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that is in a backup, in order. `created` is UTC, `schema` the database's migrations."""

    format: int = FORMAT
    appliance: str
    created: str
    schema: tuple[str, ...]
    files: tuple[File, ...]

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes for file in self.files)


class _Format(msgspec.Struct):
    format: int


_FORMAT: Final = msgspec.json.Decoder(_Format)
_MANIFEST: Final = msgspec.json.Decoder(Manifest)


def encode(manifest: Manifest) -> bytes:
    """As JSON that a person can read. Raises `BackupError` if it has become too long to be read back."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    if len(text) > MOST_BYTES:
        raise BackupError(f"There are too many documents for one backup: {len(manifest.files)}.")
    return text


def decode(text: bytes) -> Manifest:
    """Raises `Damaged` for what is no manifest or lists what no backup has, `BackupError` for a newer one's."""
    try:
        if (found := _FORMAT.decode(text).format) != FORMAT:
            raise BackupError(f"The backup has format {found}, and this appliance knows {FORMAT}: install a newer one.")
        manifest = _MANIFEST.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Damaged(f"it cannot be understood: {error}") from error
    names = [file.name for file in manifest.files]
    if DATABASE not in names:
        raise Damaged(f"it lists no {DATABASE}")
    if len(set(names)) != len(names):
        raise Damaged("it lists a name twice")
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    if wrong := [name for name in names if not _allowed(name) or name in folders]:
        raise Damaged(f"it lists {wrong[0][:200]!r}, which no backup has")
    return manifest


def _allowed(name: str) -> bool:
    folder, *parts = name.split("/")
    if not parts:
        return name in (DATABASE, SETTINGS)
    control = any(unicodedata.category(character) == "Cc" for character in name)
    return folder == DOCUMENTS and not control and not {"", ".", ".."} & set(parts)
