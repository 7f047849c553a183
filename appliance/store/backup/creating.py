"""Making a backup while the box works: copy the database, pack it with what lies beside it, read all of it again.

In it are the database, the settings file if one is named, and the folder `documents` beside the database. Not in it:
models and caches, which can be had again, and `admin.key`, which is a secret in clear
(the database has keys as digests).
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from appliance import __version__
from appliance.store.backup import archive, kept, snapshot
from appliance.store.backup import manifest as manifests
from appliance.store.backup.encryption import Recipients, encrypted
from appliance.store.backup.manifest import Manifest
from appliance.store.backup.owner import give
from appliance.store.backup.packing import CHUNK
from appliance.store.backup.scratch import check_room, scratch
from appliance.store.faults import BackupError, Damaged
from appliance.store.lock import shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from appliance.store.backup.watcher import Watcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A backup that was read again and found right; `gone` are older ones that were deleted."""

    path: Path
    bytes: int
    manifest: Manifest
    gone: Sequence[Path]


def create(
    database: Path, folder: Path, watcher: Watcher, *, settings: Path | None = None, recipients: Sequence[str] = (),
    keep: int | None = None,
) -> Made:  # fmt: skip
    """Back up into `folder`, for `recipients` alone if there are any, and then delete all but the newest `keep`.

    Raises `BackupError`, `StoreError` while a backup is being restored, `OSError` if a disk fails; nothing
    is left behind then.
    """
    keys = Recipients(recipients)
    if not database.is_file():
        raise BackupError(f"{database}: there is no database to back up.")
    with shared(database.parent), scratch(database.parent, watcher.say) as aside:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            give(folder, database.parent)
        kept.tidy(folder)
        places = _gather(database, settings, aside, folder, watcher)
        target, now = kept.free_name(folder, datetime.now(UTC), encrypted=bool(keys.keys))
        manifest = Manifest(
            appliance=__version__,
            created=now.isoformat().replace("+00:00", "Z"),
            schema=snapshot.schema(places[manifests.DATABASE]),
            files=tuple(archive.describe(name, path) for name, path in places.items()),
        )
        with kept.unfinished(target) as (file, unfinished):
            written = _Written(file)
            on_bytes = partial(_told, watcher, "packing", manifest.bytes)
            with encrypted(written, keys) as out:
                archive.write(manifest, places, out, int(now.timestamp()), on_bytes)
            file.flush()
            os.fsync(file.fileno())
            _read_again(unfinished, manifest, written.digest.hexdigest(), watcher, encrypted=bool(keys.keys))
            give(unfinished, folder)
    gone = [] if keep is None else kept.rotate(folder, target, keep)
    return Made(path=target, bytes=target.stat().st_size, manifest=manifest, gone=gone)


class _Written:
    """Knows what was written to the file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def _told(watcher: Watcher, what: str, total: int, done: int) -> None:
    watcher.progress(what, done, total)


def _gather(database: Path, settings: Path | None, aside: Path, folder: Path, watcher: Watcher) -> dict[str, Path]:
    """Where each file of the backup is, by name: copies and further links, so that nothing goes meanwhile."""
    documents = database.with_name(manifests.DOCUMENTS)
    places = {manifests.DATABASE: aside / manifests.DATABASE}
    try:
        size = snapshot.size(database)
        others = sum(path.stat().st_size for _, path in _inside(documents))
        check_room({aside: size, folder: size + others})
        snapshot.take(database, places[manifests.DATABASE], partial(watcher.progress, "copying"))
    except sqlite3.Error as error:
        raise BackupError(f"{database}: cannot be copied: {error}.") from error
    if faults := snapshot.faults(places[manifests.DATABASE]):
        raise BackupError(f"{database} is damaged, so it was not backed up: {faults[0]}. Restore an older backup.")
    if settings is not None:
        places[manifests.SETTINGS] = aside / manifests.SETTINGS
        places[manifests.SETTINGS].write_bytes(settings.read_bytes())
    for name, path in _inside(documents):  # after the database, so that all that it knows are there
        places[name] = aside / name
        places[name].parent.mkdir(parents=True, exist_ok=True)
        os.link(path, places[name], follow_symlinks=False)
    return places


def _inside(documents: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(documents.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise BackupError(f"{path}: is neither a file nor a folder, and a backup holds nothing else.")
        if path.is_file():
            yield f"{manifests.DOCUMENTS}/{path.relative_to(documents).as_posix()}", path


def _read_again(path: Path, manifest: Manifest, digest: str, watcher: Watcher, *, encrypted: bool) -> None:
    """From the disk. What is encrypted cannot be opened here, so it is compared with what was written."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            if not encrypted:
                on_bytes = partial(_told, watcher, "checking", manifest.bytes)
                if archive.read(file, lambda _: None, lambda _: on_bytes) != manifest:
                    raise Damaged("the manifest is another one")
                return
            found, done, size = hashlib.sha256(), 0, path.stat().st_size
            while chunk := file.read(CHUNK):
                found.update(chunk)
                watcher.progress("checking", done := done + len(chunk), size)
            if found.hexdigest() != digest:
                raise Damaged("its SHA-256 is not that of what was written")
        except Damaged as damaged:
            raise BackupError(
                f"The disk did not keep what was written, so the backup was removed: {damaged}"
            ) from damaged
