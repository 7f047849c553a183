"""A small checkout: tiny wheels in a local index, one model, and the command line."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from catalog.conftest import content, wheel_file, write_wheel
from click.testing import CliRunner, Result

from appliance.bundle.checkout import Checkout
from appliance.cli.bundle import bundle

HERE = f"3.{sys.version_info.minor}"
OTHER = "3.13" if HERE != "3.13" else "3.11"
MACHINE = platform.machine()
VOICE = content("voice", 200_000)
PROJECT = """[project]
name = "voice-appliance"
version = "1.2.3"
requires-python = ">=3.11"
license = "Apache-2.0"
license-files = ["LICENSE"]
"""
BUILD = "[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n"
TARGET = "[tool.hatch.build.targets.wheel]\npackages = ['appliance']\n"
MANIFEST = """name = "joe"
role = "tts"
engine = "piper"
description = "tiny"
licence = "CC0-1.0"
languages = ["en"]
main = "voice.onnx"
needs = { ram_mb = 1 }
voice = "joe"
"""


def abi(python: str) -> str:
    """The tag of a Python's own binary interface."""
    return f"cp{python.replace('.', '')}"


def pack(folder: Path, name: str, tag: str, files: dict[str, bytes], licence: str, version: str = "1.0") -> Path:
    """A wheel as pip installs it; of `files`, those in "licenses/" go beside its METADATA."""
    folder.mkdir(parents=True, exist_ok=True)
    info, path = f"{name}-{version}.dist-info", folder / f"{name}-{version}-{tag}.whl"
    head = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: {licence}\n"
    members = {f"{info}/{key}" if key.startswith("licenses/") else key: data for key, data in files.items()}
    members[f"{info}/METADATA"] = head.encode()
    members[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    members[f"{info}/RECORD"] = "".join(f"{key},,\n" for key in [*members, f"{info}/RECORD"]).encode()
    with zipfile.ZipFile(path, "w") as wheel:
        for key, data in members.items():
            wheel.writestr(zipfile.ZipInfo(key), data)
    return path


def locked(requirement: str, *wheels: Path) -> str:
    """A pin as a lock file has it."""
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in wheels] or ["0" * 64]
    return " \\\n".join([requirement, *(f"    --hash=sha256:{digest}" for digest in digests)]) + "\n    # via nobody\n"


@dataclass
class Yard:
    """Where bundles are made: `checkout`, `index`, `key`, `signers`; commands run with `environment` added."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def checkout(self) -> Path:
        return self.root / "checkout"

    @property
    def index(self) -> Path:
        return self.root / "index"

    @property
    def key(self) -> Path:
        return self.root / "key"

    @property
    def signers(self) -> Path:
        return self.root / "signers"

    def run(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(bundle, [str(each) for each in arguments], env=dict(self.environment))

    def create(self, output: Path, *arguments: str | Path) -> Result:
        places: list[str | Path] = [
            "--source",
            self.checkout,
            "--cache",
            self.root / "cache",
            "--state-dir",
            self.root / "state",
        ]
        pythons = ["--python", HERE, "--python", OTHER, "--set", "tiny"]
        return self.run("create", "--output", output, *places, *pythons, *arguments)

    def git(self, *words: str) -> None:
        command = ["git", "-C", str(self.checkout), "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        subprocess.run(command, check=True, capture_output=True)


def make_yard(root: Path) -> Yard:
    yard = Yard(root)
    yard.environment = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(yard.index),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "SOURCE_DATE_EPOCH": "1767323045",
    }
    gpl = {"licenses/COPYING": b"all of it", "kettle.py": b"hot = True\n"}
    kettles = [
        pack(yard.index, "kettle", f"{abi(each)}-{abi(each)}-manylinux_2_17_{MACHINE}", gpl, "GPL-3.0-or-later")
        for each in (HERE, OTHER)
    ]
    new = pack(yard.index, "kettle", f"{abi(HERE)}-{abi(HERE)}-manylinux_2_99_{MACHINE}", gpl, "GPL-3.0-or-later")
    cup = pack(yard.index, "cup", "py3-none-any", {"cup.py": b""}, "MIT")
    write_wheel(yard.index, "tiny_voice", {"voice.onnx": VOICE})

    folder = yard.checkout
    for name in ("appliance", "models", "systemd/drop-ins", "ansible"):
        (folder / name).mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT + BUILD + TARGET)
    (folder / "LICENSE").write_text("Apache\n")
    (folder / "appliance/__init__.py").write_text("made = True\n")
    (folder / "systemd/appliance.service").write_text("[Service]\n")
    (folder / "systemd/README.md").write_text("# Units\n")
    (folder / "systemd/drop-ins/gpu.conf").write_text("[Service]\n")
    pins = [locked("kettle==1.0", *kettles, new), locked(f"cup==1.0 ; python_version == '{OTHER}'", cup)]
    pins.append(locked("saucer==9.9 ; sys_platform == 'win32'"))
    (folder / "requirements.lock").write_text("# Made by: make lock\n" + "".join(pins))
    (folder / "build.lock").write_text("")
    (folder / "llama.lock").write_text(locked("llama-cpp-python==0.3.36"))
    (folder / "models/sets.toml").write_text('[tiny]\ndescription = "tiny"\nmodels = ["joe"]\n')
    (folder / "models/joe.toml").write_text(MANIFEST + wheel_file("voice.onnx", VOICE, ("tiny_voice", "voice.onnx")))
    (folder / ".gitignore").write_text(".venv/\n")
    library = {"llama_cpp/lib/libllama.so": b"\0GLIBC_2.17\0\0GLIBC_2.34\0", "llama_cpp/__init__.py": b""}
    kept = folder / ".venv/llama-wheel"
    pack(kept, "llama_cpp_python", f"py3-none-linux_{MACHINE}", library, "MIT", "0.3.36")
    (kept / "options").write_text("-DLLAVA_BUILD=OFF\n")
    yard.git("init", "-q")
    yard.git("add", ".")
    yard.git("commit", "-qm", "all", "--date", "2026-01-02T03:04:05Z")

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", yard.key], check=True)
    public = yard.key.with_suffix(".pub").read_text()
    yard.signers.write_text(f'bundle namespaces="appliance-bundle" {public}')
    return yard


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    """One for a test that spoils it."""
    return make_yard(tmp_path)


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The appliance's own wheel without building it, for a test of what comes later: a build costs half a second."""

    def wheel(self: Checkout, aside: Path) -> Path:
        return pack(aside, "voice_appliance", "py3-none-any", {"licenses/LICENSE": b"Apache\n"}, "Apache-2.0", "1.2.3")

    monkeypatch.setattr(Checkout, "wheel", wheel)


@dataclass(frozen=True)
class Signed:
    """A signed bundle, and where it was made."""

    yard: Yard
    path: Path

    @property
    def members(self) -> dict[str, bytes]:
        with tarfile.open(self.path) as tar:
            return {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]


@pytest.fixture(scope="session")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """One bundle for all tests that only look at it."""
    yard = make_yard(tmp_path_factory.mktemp("yard"))
    path = yard.root / "signed.tar"
    done = yard.create(path, "--sign", yard.key)
    assert done.exit_code == 0, done.output
    return Signed(yard, path)
