"""The releases on this box: which there are, which one serves, which came before it, and which may go."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from appliance.releases import durable
from appliance.releases.faults import Refused
from appliance.releases.manifest import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.releases.layout import Layout

INCOMPLETE: Final = ".incomplete"
"""In a release's folder from before anything else is in it until all is; and again while it is removed."""
MANIFEST: Final = "manifest.json"
HISTORY: Final = "history.json"
KEEP: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """`made` is when its bundle was made. `place` tells what it is for now."""

    version: str
    made: str
    set: str
    complete: bool
    current: bool
    previous: bool


class Shelf:
    """Of one box."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def current(self) -> str | None:
        """Version of the release that serves, or would if it were started."""
        link = self._layout.current
        return link.readlink().name if link.is_symlink() else None

    def previous(self) -> str | None:
        """The last one that served before the current one and is still here."""
        current = self.current()
        before = self.history()
        if current in before:
            before = before[: len(before) - 1 - before[::-1].index(current)]
        return next((version for version in reversed(before) if version != current and self.complete(version)), None)

    def history(self) -> list[str]:
        """Versions that have served, the newest last; those that were rolled back are gone from it."""
        try:
            before = json.loads((self._layout.state / HISTORY).read_text())
        except (FileNotFoundError, ValueError):  # or cut off by a full disk: it is no condition of anything
            return []
        return [version for version in before if isinstance(version, str)] if isinstance(before, list) else []

    def record(self, version: str) -> None:
        """It serves now. To come back to one that has served before is to forget those after it."""
        before = self.history()
        if version in before:
            before = before[: before.index(version)]
        after = json.dumps([*before, version][-50:])
        durable.write(self._layout.state / HISTORY, after.encode(), 0o600)

    def complete(self, version: str) -> bool:
        """Whether all of it is here."""
        folder = self._layout.release(version)
        return (folder / MANIFEST).is_file() and not (folder / INCOMPLETE).exists()

    def need(self, version: str) -> None:
        """Raise `Refused` unless it is here, with those that are."""
        if not VERSION.fullmatch(version) or not self.complete(version):
            there = ", ".join(release.version for release in self.every() if release.complete) or "none"
            raise Refused(f"release {version} is not installed here; there are: {there}")

    def every(self) -> list[Release]:
        """All of them, the newest installed first."""
        current, previous = self.current(), self.previous()
        folders = sorted(self._folders(), key=lambda folder: folder.stat().st_mtime_ns, reverse=True)
        return [
            Release(
                version=folder.name, made=str(says.get("made", "")), set=str(says.get("set", "")),
                complete=self.complete(folder.name), current=folder.name == current, previous=folder.name == previous,
            )
            for folder, says in ((folder, told(folder / MANIFEST)) for folder in folders)
        ]  # fmt: skip

    def prune(self, keep: int = KEEP, *, spared: str | None = None) -> list[str]:
        """Remove what was never complete and all but the newest `keep`; never the current one or the one before it.

        `spared` is another one that stays.
        """
        releases = self.every()
        wanted = {each.version for each in releases if each.current or each.previous or each.version == spared}
        for release in releases:
            if release.complete and len(wanted) < keep:
                wanted.add(release.version)
        gone = [release.version for release in releases if release.version not in wanted and not release.current]
        for version in gone:
            self.remove(version)
        return gone

    def remove(self, version: str) -> None:
        """At no moment is half of it taken for a release."""
        folder = self._layout.release(version)
        if folder.exists():
            (folder / INCOMPLETE).touch()
            durable.sync(folder)
            durable.remove_tree(folder)

    def _folders(self) -> list[Path]:
        if not self._layout.releases.is_dir():
            return []
        return [path for path in self._layout.releases.iterdir() if path.is_dir() and VERSION.fullmatch(path.name)]


def told(manifest: Path) -> dict[str, Any]:
    """What a release's manifest says, as it lies there; nothing where it cannot be read."""
    try:
        says = json.loads(manifest.read_text())
    except (OSError, ValueError):
        return {}
    return says if isinstance(says, dict) else {}
