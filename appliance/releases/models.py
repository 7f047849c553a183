"""Models that releases have brought: those that only removed ones named may go too."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from appliance.releases import durable
from appliance.releases.manifest import PART
from appliance.releases.shelf import MANIFEST, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.releases.layout import Layout

GONE: Final = ".staging/{}.old"
"""Where a model is while it is removed, in the models' folder: `appliance models gc` removes what is left there."""
Brought = dict[str, frozenset[str] | None]
"""By version: names of the models that its bundle had; None: its manifest does not tell."""


class Models:
    """Of one box."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._folder = layout.home / "models"

    def brought(self) -> Brought:
        """By each release that is here."""
        releases = self._layout.releases
        folders = [path for path in releases.iterdir() if path.is_dir()] if releases.is_dir() else []
        return {folder.name: _named(told(folder / MANIFEST)) for folder in folders}

    def prune(self, brought: Brought, in_use: Callable[[], frozenset[str]]) -> list[str]:
        """Remove those that were `brought` by releases which are gone by now, and by no other; their names.

        Never one that is `in_use`, nor one that no bundle had. Raises what `in_use` does, `OSError`.
        """
        stay: set[str] = set()
        for version in self.brought():
            names = brought.get(version)
            if names is None:
                return []
            stay |= names
        named = {name for names in brought.values() for name in names or ()}
        gone = sorted(name for name in named - stay if self._is_here(name))
        if gone:
            wanted = in_use()
            gone = [name for name in gone if name not in wanted]
        for name in gone:
            aside = self._folder / GONE.format(name)
            aside.parent.mkdir(exist_ok=True)
            durable.remove_tree(aside)
            (self._folder / name).rename(aside)  # it is whole, or it is not there
            durable.sync(self._folder)
            shutil.rmtree(aside)
        return gone

    def _is_here(self, name: str) -> bool:
        path = self._folder / name
        return path.is_dir() and not path.is_symlink()


def _named(manifest: Mapping[str, object]) -> frozenset[str] | None:
    files = manifest.get("files")
    if not isinstance(files, list):
        return None
    names: set[str] = set()
    for file in files:
        path = file.get("path") if isinstance(file, dict) else None
        if not isinstance(path, str):
            return None
        parts = path.split("/")
        if parts[0] == "models" and len(parts) > 2 and PART.fullmatch(parts[1]):
            names.add(parts[1])
    return frozenset(names)
