"""The units of the current release, where systemd reads them. Drop-ins elsewhere are the administrator's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.releases import durable
from appliance.releases.running import run

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.releases.layout import Layout

SUFFIXES: Final = (".service", ".socket", ".timer", ".slice", ".target", ".path")
OURS: Final = "appliance"
"""Units that begin so are a release's, in this folder."""
SECONDS: Final = 60.0
DECLARING: Final = {
    "appliance.sysusers.conf": ("systemd-sysusers",),
    "appliance.tmpfiles.conf": ("systemd-tmpfiles", "--create"),
}


class Units:
    """Of one box."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def place(self, version: str | None) -> None:
        """Those of a release, and none that another one had; of no release: none. Safe to repeat."""
        source = self._layout.release(version) / "systemd" if version is not None else None
        wanted = _units(source) if source is not None and source.is_dir() else {}
        folder = self._layout.units
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in wanted.items():
            _copy(path, folder / name)
        for name, path in _units(folder).items():
            if name.startswith(OURS) and name not in wanted:
                if name.endswith((".timer", ".path", ".socket")):  # it would go on as it was loaded
                    run(["systemctl", "stop", name], SECONDS, any_status=True)
                durable.remove(path)
        self._declare(source)
        run(["systemctl", "daemon-reload"], SECONDS)
        for name in wanted:
            if name.endswith(".timer") and _enabled(name):
                # Not waited for: one that comes after the service waits with it for our end.
                run(["systemctl", "start", "--no-block", name], SECONDS)

    def _declare(self, source: Path | None) -> None:
        for name, target in self._layout.declared.items():
            if source is None or not (source / name).is_file():
                continue  # users and folders stay, whoever does not need them any more
            target.parent.mkdir(parents=True, exist_ok=True)
            if _copy(source / name, target):
                run([*DECLARING[name], target], SECONDS, any_status=True)  # in a sandbox at boot it may not


def _units(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES and path.is_file()}


def _enabled(name: str) -> bool:
    return run(["systemctl", "is-enabled", name], SECONDS, any_status=True).strip() == "enabled"


def _copy(source: Path, target: Path) -> bool:
    """Whether it was another one."""
    data = source.read_bytes()
    if target.is_file() and target.read_bytes() == data:
        return False
    durable.write(target, data)
    return True
