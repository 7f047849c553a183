"""Releases that differ from this checkout's in one thing, each in a bundle that is signed like any other."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAMESPACE: Final = "appliance-bundle"
INIT: Final = "appliance/__init__.py"


@dataclass(frozen=True, slots=True)
class Edit:
    """In the file `path` of the wheel, `old` becomes `new`; with no `old`, `new` is added at its end."""

    path: str
    old: str
    new: str


CRASHES: Final = (Edit("appliance/cli/rounds.py", "        gc.collect()", "        raise SystemExit(7)"),)
"""Ends right after its start."""
SPEAKS_BACKWARDS: Final = (
    Edit("appliance/engines/piper/speaker.py", 'part.astype("<i2").tobytes()', 'part[::-1].astype("<i2").tobytes()'),
)
"""Becomes ready, and what it says cannot be understood."""
STEPS: Final = "appliance/store/migrations/knowledge.py"
A_STEP: Final = '\n\ndef m{}_more(database: Database) -> None:\n    database.executescript("""{}""")\n'
ONE_MORE_COLUMN: Final = (
    Edit(STEPS, "", A_STEP.format("090", "ALTER TABLE conversations ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm';")),
)
"""Has a step for the database that older releases do not know."""
YET_ANOTHER: Final = (Edit(STEPS, "", A_STEP.format("091", "ALTER TABLE items ADD COLUMN tone TEXT;")),)
"""And one more."""
CANNOT_MIGRATE: Final = (Edit(STEPS, "", A_STEP.format("091", "ALTER TABLE nothing ADD COLUMN more TEXT;")),)
"""Has a step for the database that fails."""


class Signer:
    """Somebody whose bundles a box takes."""

    def __init__(self, folder: Path) -> None:
        self.key = folder / "bundle-key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True, timeout=60)

    @property
    def public(self) -> str:
        """The public key, as a line of an authorized_keys file."""
        return self.key.with_suffix(".pub").read_text().strip()

    def sign(self, manifest: bytes) -> bytes:
        """The signature of a manifest."""
        done = subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-f", self.key, "-n", NAMESPACE],
            input=manifest, capture_output=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout


def manifest_of(bundle: Path) -> dict[str, Any]:
    """What a bundle says about itself."""
    with tarfile.open(bundle) as tar:
        member = tar.extractfile("manifest.json")
        assert member is not None
        found: dict[str, Any] = json.load(member)
        return found


def release(bundle: Path, to: Path, version: str, signer: Signer, edits: tuple[Edit, ...] = ()) -> Path:
    """`bundle` without its models, as another version, with some of the appliance's code changed."""
    manifest = manifest_of(bundle)
    (wheel,) = [file["path"] for file in manifest["files"] if "/voice_appliance-" in file["path"]]
    with tarfile.open(bundle) as tar:
        changed = {wheel: _edited(_read(tar, wheel), edits)}
        old, new = (hashlib.sha256(data).hexdigest() for data in (_read(tar, wheel), changed[wheel]))
        for python in manifest["python"]:
            name = f"requirements-{python}.txt"
            changed[name] = _read(tar, name).replace(old.encode(), new.encode())
        files = [
            _described(entry, changed)
            for entry in manifest["files"]
            if not entry["path"].startswith(("models/", "debs/", "licences/"))
        ]
        told = json.dumps({**manifest, "version": version, "models": [], "files": files}, indent=1).encode()
        with tarfile.open(to, "w") as out:
            _add(out, "manifest.json", told)
            _add(out, "manifest.json.sig", signer.sign(told))
            for entry in files:
                _add(out, entry["path"], changed.get(entry["path"]) or _read(tar, entry["path"]))
    return to


def _edited(wheel: bytes, edits: tuple[Edit, ...]) -> bytes:
    written = BytesIO()
    with zipfile.ZipFile(BytesIO(wheel)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        contents: dict[str, bytes] = {name: old.read(name) for name in old.namelist()}
        for edit in edits:
            text = contents[edit.path].decode()
            assert edit.old in text, f"{edit.path} has no {edit.old!r} any more"
            changed = text.replace(edit.old, edit.new) if edit.old else text + edit.new
            contents[edit.path] = changed.encode()
        (record,) = [name for name in contents if name.endswith(".dist-info/RECORD")]
        lines = [
            f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
            for name, data in contents.items()
            if name != record
        ]
        contents[record] = "\n".join([*lines, f"{record},,", ""]).encode()
        for name, data in contents.items():
            new.writestr(name, data)
    return written.getvalue()


def _described(entry: Mapping[str, Any], changed: Mapping[str, bytes]) -> dict[str, Any]:
    data = changed.get(entry["path"])
    if data is None:
        return dict(entry)
    return {"path": entry["path"], "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    assert member is not None
    return member.read()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    tar.addfile(info, BytesIO(data))
