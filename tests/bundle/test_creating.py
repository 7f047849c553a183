"""What is in a bundle, and what ends the making of one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from appliance.bundle.checkout import EARLIEST, Checkout
from appliance.cli.models import models
from bundle.conftest import HERE, MACHINE, OTHER, VOICE, abi, locked

if TYPE_CHECKING:
    from bundle.conftest import Signed, Yard


def unpacked(signed: Signed, folder: Path) -> Path:
    for name, data in signed.members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_it_has_everything_for_both_pythons_and_nothing_else(signed: Signed) -> None:
    members = signed.members
    assert list(members)[:2] == ["manifest.json", "manifest.json.sig"]
    assert list(members)[2:] == sorted(list(members)[2:])
    assert {name for name in members if name.startswith("wheels/")} == {
        f"wheels/kettle-1.0-{abi(HERE)}-{abi(HERE)}-manylinux_2_17_{MACHINE}.whl",
        f"wheels/kettle-1.0-{abi(OTHER)}-{abi(OTHER)}-manylinux_2_17_{MACHINE}.whl",
        "wheels/cup-1.0-py3-none-any.whl",
        f"wheels/llama_cpp_python-0.3.36-py3-none-linux_{MACHINE}.whl",
        "wheels/voice_appliance-1.2.3-py3-none-any.whl",
    }
    assert {name for name in members if name.startswith("systemd/")} == {
        "systemd/README.md",  # which the units' Documentation= names
        "systemd/appliance.service",
        "systemd/drop-ins/gpu.conf",
    }
    assert members["models/joe/voice.onnx"] == VOICE
    manifest = json.loads(members["manifest.json"])
    assert re.fullmatch(r"1\.2\.3\+g[0-9a-f]{7}", manifest["version"])
    assert (manifest["format"], manifest["python"], manifest["machine"]) == (1, [HERE, OTHER], MACHINE)
    assert (manifest["set"], manifest["models"], manifest["cuda"]) == ("tiny", ["joe"], "")
    assert [entry["path"] for entry in manifest["files"]] == list(members)[2:]


def test_each_python_has_its_own_list_without_markers(signed: Signed) -> None:
    for python, names in (
        (HERE, ["kettle==1.0", "llama-cpp-python==0.3.36", "voice-appliance==1.2.3"]),
        (OTHER, ["kettle==1.0", "cup==1.0", "llama-cpp-python==0.3.36", "voice-appliance==1.2.3"]),
    ):
        lines = signed.members[f"requirements-{python}.txt"].decode().splitlines()
        assert [line.split(" ")[0] for line in lines] == names
        assert all(re.fullmatch(r"\S+ --hash=sha256:[0-9a-f]{64}", line) for line in lines)


def test_pip_and_the_models_command_install_from_it(signed: Signed, tmp_path: Path) -> None:
    folder, target = unpacked(signed, tmp_path / "it"), tmp_path / "target"
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", str(folder / "wheels")]
    command += ["--require-hashes", "--target", str(target), "-r", str(folder / f"requirements-{HERE}.txt")]
    subprocess.run(command, check=True, capture_output=True)
    assert (target / "kettle.py").read_text() == "hot = True\n"
    assert (target / "appliance/__init__.py").read_text() == "made = True\n"
    environment = {"APPLIANCE_MODELS__MANIFESTS": str(signed.yard.checkout / "models")}
    words = ["import", str(folder / "models"), "--state-dir", str(tmp_path / "state")]
    done = CliRunner().invoke(models, words, env=environment)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "state/models/joe/voice.onnx").read_bytes() == VOICE


def test_licences_are_read_from_the_wheels_and_the_manifests(signed: Signed) -> None:
    assert signed.members["licences/kettle-1.0/COPYING"] == b"all of it"
    assert signed.members["licences/voice-appliance-1.2.3/LICENSE"] == b"Apache\n"
    table = signed.members["LICENCES.md"].decode()
    assert "| kettle | 1.0 | GPL-3.0-or-later |" in table
    assert "- kettle 1.0: GPL-3.0-or-later. Its source: `kettle-1.0.tar.gz`" in table
    assert "| joe | tts | CC0-1.0 |" in table


def test_the_same_commit_gives_the_same_bytes_without_an_index(signed: Signed) -> None:
    second = signed.yard.root / "second.tar"
    aside = signed.yard.index.rename(signed.yard.root / "gone")
    done = signed.yard.create(second, "--sign", signed.yard.key)
    aside.rename(signed.yard.index)
    assert done.exit_code == 0, done.output
    assert signed.path.read_bytes() == second.read_bytes()


def test_changed_files_show_in_the_version(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    checkout = Checkout(yard.checkout)
    clean = checkout.version
    assert re.fullmatch(r"1\.2\.3\+g[0-9a-f]{7}", clean)
    (yard.checkout / "appliance/new.py").write_text("")
    assert checkout.version == f"{clean}.dirty"
    shutil.rmtree(yard.checkout / ".git")
    assert (checkout.version, checkout.epoch) == ("1.2.3", EARLIEST)


NO_BACKEND = "[project]\nname = 'voice-appliance'\nversion = '1'\n[build-system]\nrequires = []\nbuild-backend = 'no'\n"


def spoil_index(yard: Yard) -> None:
    shutil.rmtree(yard.index)


def spoil_digest(yard: Yard) -> None:
    lock = yard.checkout / "requirements.lock"
    lock.write_text(re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, lock.read_text()))


def spoil_lock(yard: Yard) -> None:
    (yard.checkout / "requirements.lock").write_text("kettle>=1.0\n")


def spoil_llama(yard: Yard) -> None:
    (yard.checkout / "llama.lock").write_text(locked("llama-cpp-python==0.4.0"))


def lose_llama(yard: Yard) -> None:
    shutil.rmtree(yard.checkout / ".venv")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_index, "pip could not fetch wheels"),
        (spoil_digest, "pip could not fetch wheels"),
        (spoil_lock, "kettle>=1.0: is not locked"),
        (spoil_llama, "is not llama-cpp-python==0.4.0, which llama.lock names"),
        (lose_llama, "has no compiled llama.cpp wheel"),
    ],
)
@pytest.mark.usefixtures("packed")
def test_what_is_wrong_is_said_and_no_file_appears(yard: Yard, tmp_path: Path, spoil: object, said: str) -> None:
    spoil(yard)  # type: ignore[operator]
    done = yard.create(tmp_path / "out" / "it.tar", "--version", "1.0")
    assert done.exit_code == 1
    assert said in done.output
    assert not list(tmp_path.glob("out/*"))


def test_a_build_that_fails_is_said_and_no_file_appears(yard: Yard, tmp_path: Path) -> None:
    (yard.checkout / "pyproject.toml").write_text(NO_BACKEND)
    done = yard.create(tmp_path / "out" / "it.tar", "--version", "1.0")
    assert done.exit_code == 1
    assert "its wheel could not be built" in done.output
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.usefixtures("packed")
def test_a_model_that_the_disk_has_spoilt_is_not_passed_on(signed: Signed) -> None:
    yard, before = signed.yard, signed.path.read_bytes()
    file = yard.root / "state/models/joe/voice.onnx"
    file.write_bytes(bytes([VOICE[0] ^ 1]) + VOICE[1:])
    done = yard.create(signed.path)
    file.write_bytes(VOICE)
    assert done.exit_code == 1
    assert f"{file}: is damaged" in done.output
    assert signed.path.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--glibc", "2.30"], "was compiled for glibc 2.34, the boxes have 2.30"),
        (["--version", "../up"], "version: '../up' must begin with a digit"),
        (["--sign", "/nowhere/key"], "/nowhere/key: there is no key file"),
        (["--set", "huge"], "there is no set 'huge'; there are tiny"),
    ],
)
def test_a_wrong_option_is_named(signed: Signed, tmp_path: Path, words: list[str], said: str) -> None:
    done = signed.yard.create(tmp_path / "it.tar", *words)
    assert done.exit_code in (1, 2)
    assert said in done.output
    assert not (tmp_path / "it.tar").exists()
