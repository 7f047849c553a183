"""Small bundles made by hand: a real wheel with a program in it, and tar files as an enemy would make them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import platform
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

PYTHON = "{}.{}".format(*sys.version_info)
PROGRAM = """
import sys
from pathlib import Path

def main():
    if sys.argv[1:3] == ["models", "import"]:
        print("1 models imported from", sorted(path.name for path in Path(sys.argv[3]).iterdir()))
    else:
        print("appliance, version VERSION", *sys.argv[1:])
"""
Parts = list[tuple[str, bytes]]


def wheel(version: str) -> tuple[str, bytes]:
    """`voice_appliance` with the command `appliance`."""
    info = f"voice_appliance-{version}.dist-info"
    files = {
        "toy_appliance.py": PROGRAM.replace("VERSION", version),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: voice-appliance\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nappliance = toy_appliance:main\n",
    }
    record = ""
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(text.encode())}\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in [*files.items(), (f"{info}/RECORD", record + f"{info}/RECORD,,\n")]:
            archive.writestr(name, text)
    return f"voice_appliance-{version}-py3-none-any.whl", packed.getvalue()


def parts(version: str = "1.0", units: dict[str, str] | None = None) -> Parts:
    """What a release is made of."""
    name, data = wheel(version)
    needs = f"voice-appliance=={version} --hash=sha256:{hashlib.sha256(data).hexdigest()}\n"
    systemd = units or {"appliance.service": "[Service]\nExecStart=/bin/true\n"}
    return [
        (f"wheels/{name}", data),
        (f"requirements-{PYTHON}.txt", needs.encode()),
        *((f"systemd/{unit}", text.encode()) for unit, text in systemd.items()),
        ("models/tiny/model.bin", b"numbers"),
        ("models/models.lock", b"{}"),
        ("licences/all.txt", b"MIT"),
        ("debs/bookworm/Packages", b"none"),
    ]


def manifest(contents: Parts, version: str = "1.0", **other: Any) -> bytes:
    """True to the contents, and to this machine."""
    files = [{"path": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in contents]
    told = {
        "format": 1, "version": version, "made": "2026-11-26T00:00:00Z", "python": [PYTHON],
        "machine": platform.machine(), "glibc": "2.17", "cpu": [], "cuda": "", "set": "starter", "models": ["tiny"],
        "files": files,
    }  # fmt: skip
    return json.dumps(told | other).encode()


def taped(path: Path, members: list[tuple[str, bytes] | tarfile.TarInfo], end: bytes = b"") -> Path:
    """A tar file of these."""
    with path.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tape:
            for member in members:
                if isinstance(member, tarfile.TarInfo):
                    tape.addfile(member)
                else:
                    info = tarfile.TarInfo(member[0])
                    info.size = len(member[1])
                    tape.addfile(info, io.BytesIO(member[1]))
        file.write(end)
    return path


class Signer:
    """A key pair of OpenSSH's, and the list that trusts it."""

    def __init__(self, folder: Path, name: str = "key") -> None:
        self.key, self.signers = folder / name, folder / f"{name}.signers"
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True, stdin=subprocess.DEVNULL
        )
        public = self.key.with_suffix(".pub").read_text().split()
        self.signers.write_text(f'bundle namespaces="appliance-bundle" {public[0]} {public[1]}\n')

    def sign(self, text: bytes, namespace: str = "appliance-bundle") -> bytes:
        command = ["ssh-keygen", "-Y", "sign", "-f", str(self.key), "-n", namespace]
        return subprocess.run(command, input=text, capture_output=True, check=True).stdout


def bundle(path: Path, version: str = "1.0", signer: Signer | None = None, **options: Any) -> Path:
    """A bundle that is right."""
    contents = parts(version, **options)
    text = manifest(contents, version)
    signed: Parts = [("manifest.json.sig", signer.sign(text))] if signer else []
    return taped(path, [("manifest.json", text), *signed, *contents])
