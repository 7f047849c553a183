"""Installing a release beside those that are there: nothing that serves is touched.

An environment of Python's cannot be moved, so a release is made at its place. A marker, there before anything else and
gone after all is on the disk, tells half of one from a whole one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from typing import TYPE_CHECKING, Final

from appliance.releases import bundle as bundles
from appliance.releases import durable, signature
from appliance.releases.bundle import Bundle
from appliance.releases.faults import Refused
from appliance.releases.programs import Programs
from appliance.releases.running import run
from appliance.releases.shelf import INCOMPLETE, MANIFEST, Shelf

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.releases.host import Host
    from appliance.releases.layout import Layout
    from appliance.releases.manifest import Manifest
    from appliance.releases.telling import Telling

UNPACKED: Final = "unpacked"
"""In a release's folder while it is made: wheels and models."""
VENV_SECONDS: Final = 300.0
PIP_SECONDS: Final = 3600.0
GROWTH: Final = 4
"""Times the wheels' bytes that they may take, installed and compiled."""
SPARE_BYTES: Final = 500_000_000
KEPT: Final = ("systemd", "licences", "LICENCES.md")


class Installing:
    """On one box. `unsigned`: a bundle without a signature is borne."""

    def __init__(self, layout: Layout, host: Host, telling: Telling, *, signers: Path, unsigned: bool) -> None:
        self._layout, self._host, self._telling = layout, host, telling
        self._signers, self._unsigned = signers, unsigned
        self._shelf = Shelf(layout)

    def install(self, file: Path) -> str:
        """The version of the bundle, installed with its models. Raises `Refused`; then nothing of it is left."""
        say = self._telling
        with file.open("rb") as opened:
            bundle = Bundle(opened)
            with say.step(f"verify {file.name}"):
                head = bundle.head()
                signed = signature.verify(head.text, head.signature, self._signers, unsigned=self._unsigned)
                manifest = bundles.parse(head)
                say.say(f"  release {manifest.version}, made {manifest.made}, signed by {signed}")
                if self._there(manifest.version, head.text):
                    say.say(f"  release {manifest.version} is installed already")
                    return manifest.version
                self._tidy()
                known = self._known(manifest)
                self._judge(manifest, known)
            folder = self._layout.release(manifest.version)
            try:
                self._begin(folder, manifest.version)
                self._make(folder, bundle, manifest, head.text, known)
            except BaseException:
                self._shelf.remove(manifest.version)
                raise
        return manifest.version

    def _there(self, version: str, text: bytes) -> bool:
        if not self._shelf.complete(version):
            if self._shelf.current() == version:
                raise Refused(f"release {version} is the current one, and is not whole; go to another one first")
            return False
        if (self._layout.release(version) / MANIFEST).read_bytes() == text:
            return True
        raise Refused(f"there is another release {version} already, with other contents; two must not have one version")

    def _tidy(self) -> None:
        """What an installation that was killed has left would be in the way of this one."""
        for release in self._shelf.every():
            if not (release.complete or release.current):
                self._shelf.remove(release.version)
                self._telling.say(f"  release {release.version}: removed, it was never complete")

    def _known(self, manifest: Manifest) -> dict[str, Path]:
        """Files of models that are at home already, byte for byte, by their names in the bundle."""
        known: dict[str, Path] = {}
        for file in manifest.files:
            there = self._layout.home / file.path
            if not file.path.startswith("models/") or there.is_symlink() or not there.is_file():
                continue
            if there.stat().st_size == file.bytes and _digest(there) == file.sha256:
                known[file.path] = there
        return known

    def _judge(self, manifest: Manifest, known: Mapping[str, Path]) -> None:
        if why := self._host.lacks(manifest):
            raise Refused("this box cannot run the bundle:" + "".join(f"\n    {reason}" for reason in why))
        if manifest.cuda and not self._host.nvidia:
            self._telling.say(f"  note: it is for CUDA {manifest.cuda}, and no NVIDIA driver (libcuda.so.1) is here")
        models = self._layout.home / "models"
        for file in manifest.files:
            there = self._layout.home / file.path
            is_model = file.path.startswith("models/") and there.parent != models and there.is_file()
            if is_model and there.stat().st_size != file.bytes:
                raise Refused(f"{there}: is another file than the bundle's, and other releases need it")
        models_bytes = sum(
            file.bytes for file in manifest.files if file.path.startswith("models/") and file.path not in known
        )
        needed = manifest.bytes - manifest.size_of("models") + 2 * models_bytes
        needed += GROWTH * manifest.size_of("wheels") + SPARE_BYTES
        self._layout.releases.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._layout.releases).free
        if free < needed:
            raise Refused(
                f"{self._layout.releases}: the disk has {free / 1e9:,.1f} GB free, and {needed / 1e9:,.1f} GB are"
                " needed at most; `appliance-release prune` removes old releases"
            )

    def _begin(self, folder: Path, version: str) -> None:
        self._shelf.remove(version)
        folder.mkdir(mode=0o755)
        (folder / INCOMPLETE).touch()
        durable.sync(folder)
        durable.sync(folder.parent)

    def _make(self, folder: Path, bundle: Bundle, manifest: Manifest, text: bytes, known: Mapping[str, Path]) -> None:
        step, unpacked = self._telling.step, folder / UNPACKED
        unpacked.mkdir(mode=0o700)
        with step(f"unpack {len(manifest.files)} files, {manifest.bytes / 1e6:,.1f} MB"):
            bundle.unpack(manifest, unpacked, known)
        with step(f"install release {manifest.version}"):
            python, env = folder / "venv/bin/python", {"PIP_CONFIG_FILE": os.devnull, "LC_ALL": "C.UTF-8"}
            run([sys.executable, "-I", "-m", "venv", folder / "venv"], VENV_SECONDS, env=env)
            run(
                [python, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
                 "--no-cache-dir", "--no-index", "--no-deps", "--require-hashes", "--only-binary", ":all:",
                 "--find-links", unpacked / "wheels", "-r", unpacked / f"requirements-{self._host.python}.txt"],
                PIP_SECONDS, env=env,
            )  # fmt: skip
            for name in KEPT:
                if (unpacked / name).exists():
                    (unpacked / name).rename(folder / name)
            (folder / MANIFEST).write_bytes(text)
            Programs(self._layout, manifest.version).check()
        if manifest.size_of("models"):
            with step(f"import models: {', '.join(manifest.models)}"):
                self._telling.say(f"  {Programs(self._layout, manifest.version).import_models(unpacked / 'models')}")
        with step("bring it to the disk"):
            shutil.rmtree(unpacked)
            os.sync()
            durable.remove(folder / INCOMPLETE)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
