"""Wheels as containers: pip fetches them, zipfile reads them; nothing in them is installed or run.

pip runs as a child, so the administrator's own index, mirror, proxy and certificates are honoured.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.catalog.faults import Damaged, Unreachable
from appliance.catalog.verify import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.catalog.listener import Listener
    from appliance.catalog.manifest import Wheel


class PipFailed(Exception):
    """pip did not deliver; `str()` of it is what it said."""


def find(wheel: Wheel, folder: Path) -> Path | None:
    """The file of `wheel` in `folder`, if it is there."""
    wanted = (_normal(wheel.name), wheel.version.lower())
    for path in sorted(folder.glob("*.whl")):
        name, version, *_ = path.name.split("-")
        if (_normal(name), version.lower()) == wanted:
            return path
    return None


def fetch(wheel: Wheel, folder: Path, listener: Listener) -> Path:
    """The file of `wheel` in `folder`, fetched with pip if it is not there yet. Raises Unreachable.

    pip works in a folder of its own and the finished file is renamed: what lies in `folder` is complete.
    """
    if (present := find(wheel, folder)) is not None:
        return present
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pip-", dir=folder, ignore_cleanup_errors=True) as aside:
        _pip(wheel, Path(aside), listener)
        fetched = find(wheel, Path(aside))
        if fetched is None:
            raise Unreachable(f"pip fetched no wheel for {wheel.requirement}.")
        return fetched.replace(folder / fetched.name)


def _pip(wheel: Wheel, folder: Path, listener: Listener) -> None:
    try:
        download([wheel.requirement], folder, listener, wheel.requirement)
    except PipFailed as error:
        raise Unreachable(f"pip could not fetch {wheel.requirement}: {error}") from error


def download(wanted: Sequence[str], folder: Path, listener: Listener, name: str | None = None) -> None:
    """Have pip put wheels into `folder`; `wanted` are its arguments that say which. Raises PipFailed.

    `listener` hears the progress of each file, as `name` or as the file is called.
    """
    command = [sys.executable, "-u", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    # A model is too large for a second copy in pip's cache, and /tmp is often a small memory disk.
    command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar", "raw"]
    command += ["-d", str(folder), *wanted]
    said: deque[str] = deque(maxlen=40)
    what = name or "wheels"
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "TMPDIR": str(folder)},
    ) as pip:
        try:
            for line in pip.stdout or ():
                if progress := re.fullmatch(r"Progress (\d+) of (\d+)\s*", line):
                    done, total = int(progress[1]), int(progress[2])
                    listener.progress(what, done, total or None)
                    continue
                if name is None and (begun := re.match(r"\s*Downloading (?:\S*/)?(\S+\.whl)", line)):
                    what = begun[1]
                said.append(line.rstrip())
        except BaseException:
            pip.kill()
            raise
    if pip.returncode != 0:
        errors = [line for line in said if line.startswith("ERROR:")] or list(said)[-3:]
        raise PipFailed(" ".join(errors))


def read(path: Path, member: str) -> Iterator[bytes]:
    """The bytes of one member, a chunk at a time. Raises Damaged if the wheel is broken or lacks it."""
    try:
        with zipfile.ZipFile(path) as wheel, wheel.open(member) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except KeyError as error:
        raise Damaged(f"{path.name}: has no member {member}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise Damaged(f"{path.name}: is broken: {error}") from error


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
