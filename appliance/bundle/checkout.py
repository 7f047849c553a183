"""The checkout that a bundle is made of: which version it is, when it was made, and the wheel built from it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.bundle.faults import BundleError

PROJECT: Final = "voice-appliance"
NEEDED: Final = ("pyproject.toml", "requirements.lock", "llama.lock", "build.lock", "models/sets.toml")
EARLIEST: Final = 315_532_800
"""1 January 1980 in seconds since 1970: zip files, and so wheels, know nothing older."""
GIT_SECONDS: Final = 60
BUILD_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Checkout:
    """The project's source folder."""

    folder: Path

    def __post_init__(self) -> None:
        lacking = [name for name in NEEDED if not (self.folder / name).is_file()]
        if lacking:
            raise BundleError(f"{self.folder}: is not a checkout of the appliance: it has no {', '.join(lacking)}")

    @property
    def project_version(self) -> str:
        """The version in pyproject.toml, which is the wheel's."""
        try:
            project = tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]
        except (tomllib.TOMLDecodeError, KeyError) as error:
            raise BundleError(f"{self.folder / 'pyproject.toml'}: cannot be understood: {error}") from error
        if project.get("name") != PROJECT:
            raise BundleError(f"{self.folder}: is a checkout of {project.get('name')!r}, not of {PROJECT}")
        return str(project["version"])

    @property
    def version(self) -> str:
        """Of the bundle: the project's with the commit, and "dirty" if files differ from it."""
        if not self._has_history:
            return self.project_version
        changed = ".dirty" if self._git("status", "--porcelain") else ""
        return f"{self.project_version}+g{self._git('rev-parse', '--short=7', 'HEAD')}{changed}"

    @property
    def epoch(self) -> int:
        """Seconds since 1970 that everything made from it is dated with: SOURCE_DATE_EPOCH, or the commit's."""
        if given := os.environ.get("SOURCE_DATE_EPOCH"):
            if not given.isdecimal():
                raise BundleError(f"SOURCE_DATE_EPOCH: {given!r} is not a number of seconds")
            return max(EARLIEST, int(given))
        return max(EARLIEST, int(self._git("log", "-1", "--format=%ct"))) if self._has_history else EARLIEST

    @property
    def _has_history(self) -> bool:
        return (self.folder / ".git").exists()

    def _git(self, *words: str) -> str:
        try:
            done = subprocess.run(
                ["git", "-C", str(self.folder), *words],  # noqa: S607 - wherever this system has it
                capture_output=True,
                text=True,
                timeout=GIT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BundleError(f"{self.folder}: git could not be asked: {error}") from error
        if done.returncode != 0:
            raise BundleError(f"{self.folder}: git {words[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def wheel(self, aside: Path) -> Path:
        """Build the project's wheel into `aside`, with the build tools that setup.sh installed from build.lock.

        The same commit gives the same bytes.
        """
        command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
        command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check"]
        command += ["--wheel-dir", str(aside), str(self.folder.resolve())]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, "SOURCE_DATE_EPOCH": str(self.epoch), "TMPDIR": str(aside)},
                timeout=BUILD_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BundleError(f"{self.folder}: its wheel was not built within {BUILD_SECONDS} s") from error
        built = sorted(aside.glob("voice_appliance-*.whl"))
        if done.returncode != 0 or len(built) != 1:
            said = "\n".join(done.stdout.splitlines()[-8:])
            raise BundleError(f"{self.folder}: its wheel could not be built (./setup.sh brings what it needs):\n{said}")
        return built[0]
