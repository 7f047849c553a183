"""What runs here: the appliance and its release, Python, the system, the libraries."""

from __future__ import annotations

import platform
import sqlite3
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance import __version__
from appliance.doctor.check import Check, fault, note, ok, skipped, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.doctor.ground import Ground
    from appliance.places import Places

LIBRARIES: Final = (
    "ctranslate2", "faster-whisper", "llama-cpp-python", "piper-tts", "onnxruntime", "litestar", "uvicorn",
)  # fmt: skip


def checks(ground: Ground) -> Iterator[Check]:
    """Read from this program's own environment, the release links, and the journal of upgrades."""
    python = platform.python_version()
    yield ok("appliance", f"{__version__} on Python {python}, {_system()}, Linux {platform.release()}")
    yield _libraries()
    yield from _release(ground)


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _libraries() -> Check:
    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        do = "Install the release again: `appliance-release install BUNDLE`, or `make setup` in a checkout."
        return fault("libraries", f"{', '.join(missing)}: not installed beside {sys.executable}", do)
    return ok("libraries", ", ".join([*found, f"SQLite {sqlite3.sqlite_version}"]))


def current(places: Places) -> str | None:
    """Version of the current release; None where there is none. It may be gone: this is what the link says."""
    link = places.opt / "current"
    return link.readlink().name if link.is_symlink() else None


def _release(ground: Ground) -> Iterator[Check]:
    places, releases = ground.places, ground.places.opt / "releases"
    if not releases.is_dir():
        yield skipped("release", f"no release is installed in {places.opt}")
        return
    names = sorted(path.name for path in releases.iterdir() if path.is_dir() and not path.name.startswith("."))
    version = current(places)
    others = ", ".join(name for name in names if name != version) or "none"
    do = f"Switch to one that is there: `appliance-release activate VERSION` ({', '.join(names) or 'none is'})."
    if version is None:
        yield fault("release", f"{places.opt / 'current'}: there is no current release", do)
    elif version not in names:
        yield fault("release", f"{places.opt / 'current'}: leads to {version}, which is not there", do)
    elif ground.provisioned and not Path(sys.prefix).resolve().is_relative_to((places.opt / "current").resolve()):
        yield note("release", f"{version} is the current one, and this doctor is of another; others: {others}")
    else:
        yield ok("release", f"{version} is the current one; others: {others}")
    yield _journal(ground)


def _journal(ground: Ground) -> Check:
    journal = ground.places.journal
    try:
        journal.stat()
    except FileNotFoundError:
        return ok("upgrade", "none is under way")
    except PermissionError:
        return skipped("upgrade", f"{journal.parent}: only root may look whether one was interrupted")
    do = "If none is running now, `appliance-release recover` finishes it or rolls it back; so does a reboot."
    return warning("upgrade", f"{journal}: one is under way, or was interrupted", do)
