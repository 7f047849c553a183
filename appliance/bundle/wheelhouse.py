"""The wheelhouse: wheels of locked packages for one target, fetched with pip and kept for the next bundle.

A folder a target, so that what is found in it does not depend on which bundles were made before.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from appliance.bundle.faults import BundleError
from appliance.catalog import verify, wheels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.bundle.pins import Pin
    from appliance.bundle.target import Target
    from appliance.catalog.listener import Listener

TOGETHER: Final = 8
"""Packages that one pip fetches: what is kept if the work is broken off is whole calls of pip."""
WORTH_SHOWING: Final = 8_000_000
"""Bytes from which on a download's own progress is shown."""


def cache() -> Path:
    """Where wheels are kept between bundles, beside the compiled one that setup.sh keeps."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voice-appliance" / "bundle"


def gather(pins: Sequence[Pin], target: Target, kept: Path, listener: Listener) -> dict[Pin, Path]:
    """A wheel for each of `pins`, fetched if it is not in `kept` yet. Raises BundleError if one is not to be had."""
    folder = kept / f"cp{target.python}-glibc{target.glibc}-{target.machine}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BundleError(f"{folder}: the wheels cannot be kept there: {error.strerror}") from error
    with FileLock(folder / ".busy"):
        found = {pin: path for pin in pins if (path := _find(pin, target, folder)) is not None}
        missing = [pin for pin in pins if pin not in found]
        what = f"wheels for Python {target.python}"
        listener.say(f"{what}: {len(found)} of {len(pins)} are here")
        for some in _batches(missing):
            _fetch(some, target, folder, listener)
            for pin in some:
                path = _find(pin, target, folder)
                if path is None:
                    raise BundleError(f"{pin.requirement}: pip fetched no wheel that Python {target.python} can use")
                found[pin] = path
            listener.say(f"{what}: {len(found)} of {len(pins)} are here")
    return {pin: found[pin] for pin in pins}


def _batches(pins: list[Pin]) -> Iterable[list[Pin]]:
    return [pins[start : start + TOGETHER] for start in range(0, len(pins), TOGETHER)]


def _find(pin: Pin, target: Target, folder: Path) -> Path | None:
    """The wheel that fits best; one whose digest is not locked is not seen."""
    ranks = {tag: rank for rank, tag in enumerate(target.tags)}
    best: tuple[int, Path] | None = None
    for path in sorted(folder.glob("*.whl")):
        try:
            name, version, _, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        if name != canonicalize_name(pin.name) or version != Version(pin.version):
            continue
        rank = min((ranks[tag] for tag in tags if tag in ranks), default=None)
        if rank is None or (best is not None and best[0] <= rank) or verify.sha256(path) not in pin.sha256:
            continue
        best = (rank, path)
    return best and best[1]


class _Large:
    """Passes on the progress of large files only: most wheels are here before a line about them is read."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def say(self, text: str) -> None:
        self._listener.say(text)

    def progress(self, what: str, done: int, total: int | None) -> None:
        if total is not None and total >= WORTH_SHOWING:
            self._listener.progress(what, done, total)


def _fetch(pins: Sequence[Pin], target: Target, folder: Path, listener: Listener) -> None:
    with tempfile.TemporaryDirectory(prefix="pip-", dir=folder, ignore_cleanup_errors=True) as name:
        aside = Path(name)
        wanted = aside / "requirements.txt"
        wanted.write_text("".join(f"{pin.line}\n" for pin in pins))
        options = ["--require-hashes", "--requirement", str(wanted)]
        options += ["--python-version", target.python, "--implementation", "cp"]
        for abi in target.abis:
            options += ["--abi", abi]
        for platform in target.platforms:
            options += ["--platform", platform]
        try:
            wheels.download(options, aside, _Large(listener))
        except wheels.PipFailed as error:
            raise BundleError(
                f"pip could not fetch wheels for Python {target.python}: {error}\n"
                "What is already here is kept: when the index can be reached, run the same command again."
            ) from error
        for path in aside.glob("*.whl"):
            path.replace(folder / path.name)
