"""Debian packages for a box that reaches no mirror: a flat repository of what the roles install, and all it needs.

apt resolves and fetches, in a root of its own: of this machine only the sources and their keys count, not what is
installed here. The box takes the folder as `deb [trusted=yes] file:/…/debs/SUITE ./`: the bundle's signature has
vouched for it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock

from appliance.bundle.faults import BundleError
from appliance.catalog import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.catalog.listener import Listener

APT: Final = Path("/etc/apt")
APT_SECONDS: Final = 1800
DPKG_SECONDS: Final = 60
_URI: Final = re.compile(
    r"^'[^']+' (?P<file>\S+\.deb) (?P<bytes>\d+)(?: SHA256:(?P<sha256>[0-9a-f]{64}))?", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Suite:
    """Packages for one release of Debian."""

    name: str
    """Such as "bookworm"."""
    packages: tuple[str, ...]
    installed: Path | None
    """The dpkg status file of a box; None: nothing counts as installed, so all that they need comes along."""
    sources: Path = APT
    """Folder with sources.list and sources.list.d of this machine, whose release is replaced by `name`."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", self.name):
            raise BundleError(f"suite: {self.name!r} is not the name of a release, such as bookworm")
        for package in self.packages:
            if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", package):
                raise BundleError(f"packages: {package!r} is not the name of a Debian package")
        if not self.packages:
            raise BundleError("packages: the list is empty")


def collect(suite: Suite, cache: Path, aside: Path, listener: Listener) -> dict[str, Path]:
    """The members below debs/<suite>: the packages and their index. Raises BundleError."""
    root = cache / "debs" / suite.name
    for folder in ("lists/partial", "archives/partial", "none/partial", "etc"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".busy"):
        _configure(suite, root)
        listener.say(f"Debian packages for {suite.name}: reading the lists of the mirrors")
        _apt(root, "update")
        wanted = ["--yes", "--no-install-recommends", "install", *suite.packages]
        # apt lists only what it would still have to fetch, hence the empty folder.
        listed = list(_URI.finditer(_apt(root, "--print-uris", *wanted, archives="none")))
        size = sum(int(match["bytes"]) for match in listed)
        listener.say(f"Debian packages for {suite.name}: fetching {len(listed)}, {size / 1e6:,.1f} MB")
        _apt(root, "--download-only", *wanted)
        members, stanzas = {}, []
        for match in sorted(listed, key=lambda each: each["file"]):
            path = root / "archives" / match["file"]
            if not path.is_file() or path.stat().st_size != int(match["bytes"]):
                raise BundleError(
                    f"{path}: apt did not fetch it whole; remove {root} and run this again. "
                    "(Of a source file:… apt fetches nothing: write copy:… instead.)"
                )
            sha256 = verify.sha256(path)
            if match["sha256"] not in (None, sha256):
                raise BundleError(f"{path}: is not the file that the mirror's list names; remove it and run this again")
            # apt writes an epoch's colon as %3a, which its file method would read back as a colon.
            name = re.sub(r"_\d+%3a", "_", match["file"], count=1)
            members[f"debs/{suite.name}/{name}"] = path
            fields = _dpkg("-f", str(path)).strip()
            stanzas.append(f"{fields}\nFilename: ./{name}\nSize: {match['bytes']}\nSHA256: {sha256}\n")
    index = aside / f"Packages-{suite.name}"
    index.write_text("\n".join(stanzas))
    return members | {f"debs/{suite.name}/Packages": index}


def _configure(suite: Suite, root: Path) -> None:
    if suite.installed is not None and not suite.installed.is_file():
        raise BundleError(f"{suite.installed}: there is no such dpkg status file")
    (root / "status").write_bytes(suite.installed.read_bytes() if suite.installed else b"")
    shutil.rmtree(root / "etc")
    (root / "etc").mkdir()
    here = _codename()
    for path in _sources(suite.sources):
        text = path.read_text()
        (root / "etc" / path.name).write_text(re.sub(rf"\b{here}\b", suite.name, text) if here else text)


def _sources(folder: Path) -> Iterator[Path]:
    if (main := folder / "sources.list").is_file():
        yield main
    for path in sorted((folder / "sources.list.d").glob("*")):
        if path.suffix in (".list", ".sources"):
            yield path


def _codename() -> str | None:
    found = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    return found and found[1]


def _apt(root: Path, *words: str, archives: str = "archives") -> str:
    options = {
        "Dir::State": root,
        "Dir::State::lists": root / "lists",
        "Dir::State::status": root / "status",
        "Dir::Cache": root,
        "Dir::Cache::archives": root / archives,
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": root / "etc",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Sandbox::User": "root",  # its usual user could not read a folder in somebody's home
        "APT::Get::AllowUnauthenticated": "false",
        "Acquire::Retries": "3",
    }
    settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return _run(["apt-get", "-q", *settings, *words], APT_SECONDS)


def _dpkg(*words: str) -> str:
    return _run(["dpkg-deb", *words], DPKG_SECONDS)


def _run(command: list[str], seconds: int) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as error:
        raise BundleError(f"{command[0]} is not on this machine: Debian packages are collected on Debian") from error
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"{command[0]} did not end within {seconds} s") from error
    complaints = [line for line in done.stderr.splitlines() if line.startswith(("E:", "dpkg-deb: error"))]
    if done.returncode != 0:
        raise BundleError(f"{command[0]} failed: {' '.join(complaints) or done.stderr.strip()[-400:]}")
    return done.stdout
