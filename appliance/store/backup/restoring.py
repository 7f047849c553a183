"""Reading a backup, and putting it in the place of what is there: all of it is verified before anything changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.store.backup import archive, snapshot
from appliance.store.backup import manifest as manifests
from appliance.store.backup.encryption import decrypted
from appliance.store.backup.scratch import check_room, scratch
from appliance.store.backup.switching import bring_to_disk, fold, free_suffix, switch
from appliance.store.faults import BackupError, Damaged
from appliance.store.lock import alone
from appliance.store.migrations import newer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.store.backup.manifest import Manifest
    from appliance.store.backup.watcher import Watcher

RESTORED_SETTINGS: Final = "settings.restored.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What is there now. `rows` by table; `before` is what was there, `settings` the settings of then."""

    manifest: Manifest
    rows: Mapping[str, int]
    before: list[Path]
    settings: Path | None


def verify(file: Path, folder: Path, watcher: Watcher, *, identities: Path | None = None) -> Manifest:
    """Read all of a backup and compare it with its manifest, and have SQLite check the database, copied into `folder`.

    Raises `Damaged` with the name of the damaged part, `BackupError` if it cannot be read or there is too little room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with scratch(folder, watcher.say) as aside:
        return _unpack(file, identities, aside, lambda name: name == manifests.DATABASE, lambda _: None, watcher)


def restore(
    file: Path, database: Path, watcher: Watcher, *, identities: Path | None = None, force: bool = False
) -> Restored:
    """Verify a backup and switch to it. With `force` what is there is kept beside, under names that say when.

    The database is switched in one step, and the documents just before it; who is interrupted in between restores
    again. Raises `BackupError`, as `verify` does, also if something is there; `StoreError` while the appliance runs.
    """
    folder = database.parent
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder), scratch(folder, watcher.say) as aside:
        for there in (database, folder / manifests.DOCUMENTS):
            if there.exists() and not force:
                raise BackupError(f"{there}: is there already; with --force it is kept beside, under another name.")
        fold(database)
        manifest = _unpack(file, identities, aside, lambda _: True, _check_age, watcher)
        rows = snapshot.counts(aside / manifests.DATABASE)
        bring_to_disk(aside, folder)
        settings = None
        if (aside / manifests.SETTINGS).exists():
            settings = (aside / manifests.SETTINGS).replace(folder / RESTORED_SETTINGS)
        return Restored(manifest=manifest, rows=rows, before=_switch(database, aside), settings=settings)


def _check_age(manifest: Manifest) -> None:
    if unknown := newer(manifest.schema):
        raise BackupError(
            f"The backup is of a newer appliance ({manifest.appliance}, {unknown[-1]}); that has to be installed first."
        )


def _unpack(
    file: Path, identities: Path | None, aside: Path, wanted: Callable[[str], bool], check: Callable[[Manifest], None],
    watcher: Watcher,
) -> Manifest:  # fmt: skip
    def begun(manifest: Manifest) -> Callable[[int], None]:
        check(manifest)
        check_room({aside: sum(each.bytes for each in manifest.files if wanted(each.name))})
        return lambda done: watcher.progress("reading", done, manifest.bytes)

    def place(name: str) -> Path | None:
        return aside / name if wanted(name) else None

    with file.open("rb") as source, decrypted(source, file.name, identities) as plain:
        manifest = archive.read(plain, place, begun)
    copy = aside / manifests.DATABASE
    if faults := snapshot.faults(copy):
        raise Damaged(f"{manifests.DATABASE} is damaged, and was when it was backed up: {faults[0]}.")
    if snapshot.schema(copy) != manifest.schema:
        raise Damaged(f"The manifest ({manifests.NAME}) is damaged: its schema is not that of the database.")
    return manifest


def _switch(database: Path, aside: Path) -> list[Path]:
    """At every moment there is a database at its place, the old one or the new one."""
    documents, before = database.with_name(manifests.DOCUMENTS), []
    fold(database)
    suffix = free_suffix("before", database, documents)
    if documents.exists():
        before.append(documents.rename(documents.with_name(documents.name + suffix)))
    if (aside / manifests.DOCUMENTS).exists():
        (aside / manifests.DOCUMENTS).rename(documents)
    return before + switch(database, aside / manifests.DATABASE, suffix)
