"""`appliance backup` as it is typed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import anyio
import pytest
from click.testing import CliRunner, Result

from appliance.cli.main import main
from store.archives import contents, fill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    def call(*words: str, box: str = "box") -> Result:
        return CliRunner().invoke(main, ["backup", *words, "--state-dir", str(tmp_path / box)], env={"COLUMNS": "100"})

    return call


def test_made_listed_verified_and_restored(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "box" / "appliance.db"
    nothing = run("create")
    assert nothing.exit_code == 1
    assert "there is no database to back up" in nothing.output
    assert "There is no backup in" in run("list").output
    anyio.run(fill, path)
    assert run("create").exit_code == 0
    made = run("create", "--keep", "1")
    assert made.exit_code == 0, made.output
    assert "3 files of" in made.output
    assert "read again and found right" in made.output
    assert ": deleted" in made.output
    assert "%" not in made.output
    listed = run("list").output.splitlines()[1]
    (name,) = re.findall(r"(appliance-\S+\.tar\.gz) +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +[\d.]+ MB +no", listed)
    verified = run("verify", name)
    assert verified.exit_code == 0, verified.output
    assert f"{name}: whole, 3 files of" in verified.output
    refused = run("restore", name)
    assert refused.exit_code == 1
    assert refused.output.startswith(f"Error: {path}: is there already; with --force")
    restored = run("restore", str(path.parent / "backups" / name), box="new")
    assert restored.exit_code == 0, restored.output
    assert "30 conversations, 90 items, 1 keys, 1 responses" in restored.output
    assert contents(tmp_path / "new" / "appliance.db") == contents(path)
    forced = run("restore", name, "--force")
    assert forced.exit_code == 0, forced.output
    assert "what was there before" in forced.output


def test_what_is_wrong_is_one_sentence(run: Callable[..., Result], tmp_path: Path) -> None:
    anyio.run(fill, tmp_path / "box" / "appliance.db")
    absent = run("verify", "absent.tar.gz")
    assert absent.exit_code == 1
    assert absent.output == "Error: absent.tar.gz: No such file or directory\n"
    file = tmp_path / "wrong.tar.gz"
    file.write_bytes(b"no archive")
    broken = run("verify", str(file))
    assert broken.exit_code == 1
    assert broken.output.startswith("Error: the manifest (manifest.json) is damaged: ")
    assert "Traceback" not in broken.output


def test_help_says_what_each_command_does(run: Callable[..., Result]) -> None:
    for command in ("create", "list", "verify", "restore"):
        said = run(command, "--help")
        assert said.exit_code == 0
        assert len(said.output.splitlines()) > 8
