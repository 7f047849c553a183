"""Sweeping: what lies in the models folder and serves nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.catalog.faults import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from appliance.catalog.manifest import Catalog, Model
    from appliance.catalog.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Waste:
    """A folder that can go, its size in bytes, and why."""

    path: Path
    bytes: int
    why: str


def waste(catalog: Catalog, wanted: Iterable[Model], shelf: Shelf) -> list[Waste]:
    """What serves none of the `wanted` models.

    A folder that belongs to no manifest is somebody else's and is never listed.
    """
    keep = {model.name: model for model in wanted}
    found = [_waste(path, "left behind by an interrupted installation") for path in _folders(shelf.staging)]
    for path in _folders(shelf.downloads("x").parent):
        model = keep.get(path.name)
        if model is None:
            found.append(_waste(path, "downloads for a model that no wanted set has"))
        elif shelf.state(model) == "installed":
            found.append(_waste(path, "downloads for a model that is installed"))
    unwanted = (path for path in _folders(shelf.root) if path.name in catalog.models and path.name not in keep)
    return found + [_waste(path, "a model that no wanted set has") for path in unwanted]


def remove(found: Iterable[Waste], shelf: Shelf) -> None:
    """Remove what `waste` found. A model leaves by one rename, so that it is never half there."""
    for item in found:
        path = item.path
        try:
            if path.parent == shelf.root:
                aside = shelf.staging / f"{path.name}.old"
                aside.parent.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(aside, ignore_errors=True)
                path = path.rename(aside)
            shutil.rmtree(path)
        except FileNotFoundError:
            continue  # somebody else removed it in the meantime
        except OSError as error:
            raise CatalogError(f"{item.path}: cannot be removed: {error.strerror}") from error


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink())


def _waste(path: Path, why: str) -> Waste:
    return Waste(path, sum(file.stat().st_size for file in path.rglob("*") if file.is_file()), why)
