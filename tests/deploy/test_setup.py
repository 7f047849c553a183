"""setup.sh asks for what is missing and for nothing else; the locks hold hashes and no addresses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("build.lock", "cuda.lock", "llama.lock", "requirements.lock", "requirements-dev.lock", "safety.lock")


def bare_checkout(tmp_path: Path, *, tools: dict[str, str]) -> tuple[Path, dict[str, str]]:
    """A copy of what setup.sh reads, and a PATH with the base system's commands but no Python or compiler."""
    checkout = tmp_path / "checkout"
    commands = tmp_path / "bin"
    checkout.mkdir()
    commands.mkdir()
    for name in ("setup.sh", "pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, checkout)
    for name in (
        *(
            "bash",
            "awk",
            "cat",
            "cut",
            "dirname",
            "env",
            "flock",
            "getconf",
            "grep",
            "ldconfig",
            "mkdir",
            "rm",
        ),
        *("sed", "sha256sum", "sort", "tail", "tr", "uname"),
    ):
        found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        assert found, name
        (commands / name).symlink_to(found)
    for name, body in tools.items():
        (commands / name).write_text(f"#!/bin/bash\n{body}\n")
        (commands / name).chmod(0o755)
    return checkout, {"PATH": str(commands), "HOME": str(tmp_path), "PYTHON": ""}


def run_setup(checkout: Path, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checkout / "setup.sh"), *options],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_bare_system_is_given_python_and_a_compiler(tmp_path: Path) -> None:
    checkout, environment = bare_checkout(tmp_path, tools={"apt-get": f'echo "$*" >> {tmp_path}/asked'})

    done = run_setup(checkout, environment, "--no-models")

    assert done.returncode == 1
    if os.geteuid() == 0:
        asked = (tmp_path / "asked").read_text().splitlines()
        assert asked[0] == "update"
        assert asked[1].startswith("install -y --no-install-recommends python3 python3-venv ")
        assert asked[1].endswith("openssh-client g++")
        assert "no Python 3.11 to 3.14" in done.stderr
    else:
        assert re.search(r"sudo apt-get install -y --no-install-recommends python3 python3-venv .*g\+\+\n", done.stderr)


def test_without_apt_the_missing_packages_are_named(tmp_path: Path) -> None:
    checkout, environment = bare_checkout(tmp_path, tools={"g++": "exit 0"})

    done = run_setup(checkout, environment)

    assert done.returncode == 1
    assert "python3 python3-venv" in done.stderr
    assert "g++" not in done.stderr


def test_a_python_that_was_asked_for_must_be_one_that_is_locked(tmp_path: Path) -> None:
    checkout, environment = bare_checkout(tmp_path, tools={"python3.9": "exit 1"})

    done = run_setup(checkout, environment | {"PYTHON": "python3.9"})

    assert done.returncode == 1
    assert "PYTHON=python3.9 is not a Python 3.11 to 3.14" in done.stderr


def test_an_unknown_option_explains_itself(tmp_path: Path) -> None:
    checkout, environment = bare_checkout(tmp_path, tools={})

    done = run_setup(checkout, environment, "--gpu")

    assert done.returncode == 2
    assert "usage: ./setup.sh" in done.stderr


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_hash_and_no_address(name: str) -> None:
    pins = re.split(r"\n(?=[a-z])", (ROOT / name).read_text())[1:]

    assert pins
    for pin in pins:
        assert re.match(r"[a-z0-9-]+==[^ ]+ ", pin)
        assert "--hash=sha256:" in pin
        assert "://" not in pin


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    serving = "\n" + (ROOT / "requirements.lock").read_text() + (ROOT / "llama.lock").read_text()
    working = "\n" + (ROOT / "requirements-dev.lock").read_text()

    for lock, wanted in (
        (serving, project["project"]["dependencies"]),
        (working, project["dependency-groups"]["dev"]),
    ):
        missing = [need for need in wanted if f"\n{re.split('[<>=~!; ]', need)[0]}==" not in lock]
        assert not missing, "run: make lock"
