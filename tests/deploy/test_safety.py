"""What keeps secrets and known vulnerabilities out: both can fail, and say where."""

from __future__ import annotations

import runpy
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MADE = ROOT / ".tools" / "made"
FOUND = {
    "name": "teapot",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.1"]}],
}
CLEAN: dict[str, Any] = {"name": "kettle", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "cup", "skip_reason": "not found"}


def secrets(*files: Path) -> subprocess.CompletedProcess[str]:
    if not MADE.is_file():
        pytest.skip("no tools to look for secrets with: make secrets")
    return subprocess.run([ROOT / ".ci" / "secrets", *files], capture_output=True, text=True, timeout=60, check=False)


def test_a_planted_key_is_found_where_it_is(tmp_path: Path) -> None:
    harmless, planted = tmp_path / "harmless.py", tmp_path / "planted.py"
    harmless.write_text('key = "none"\n')
    planted.write_text("# a key\n" + 'aws = "AKIA' + 'Q3EGRTV5XKZ2PLM7"\n' + 'password = "' + 'hunter2-and-more"\n')
    assert secrets(harmless).returncode == 0
    done = secrets(harmless, planted)
    assert done.returncode == 1
    assert f"{planted}:2" in done.stdout
    assert f"{planted}:3" in done.stdout
    assert str(harmless) not in done.stdout


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`main` with pip-audit's answer in place of pip-audit."""
    monkeypatch.chdir(ROOT)
    script = runpy.run_path(".ci/audit.py")

    def run(packages: list[dict[str, Any]] | None, *borne: str) -> int:
        known = {"asked": lambda _: packages, "ignored": lambda: set(borne)}
        monkeypatch.setitem(script["main"].__globals__, "asked", known["asked"])
        monkeypatch.setitem(script["main"].__globals__, "ignored", known["ignored"])
        status: int = script["main"]([])
        return status

    return run


def test_a_vulnerability_fails_unless_it_is_borne(audit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit([CLEAN]) == 0
    assert audit([FOUND, CLEAN]) == 1
    assert "teapot 1.0: PYSEC-1, mended in 1.1" in capsys.readouterr().out
    assert audit([FOUND, CLEAN], "CVE-1") == 0


def test_what_was_not_looked_up_is_said(audit: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(None) == 0
    assert "NOT DONE: " in capsys.readouterr().out
    assert audit([CLEAN, UNKNOWN]) == 0
    assert "NOT DONE for 1 of 2 packages" in capsys.readouterr().out
    assert audit([FOUND, UNKNOWN]) == 1


@pytest.mark.parametrize(
    ("complaint", "silent"),
    [("requests.exceptions.ConnectTimeout: no", True), ("No module named pip_audit", False), ("", False)],
)
def test_only_silence_passes(monkeypatch: pytest.MonkeyPatch, complaint: str, silent: bool) -> None:
    asked = runpy.run_path(str(ROOT / ".ci" / "audit.py"))["asked"]
    answer = SimpleNamespace(stdout="", stderr=f"Traceback\n{complaint}\n")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: answer)
    if silent:
        assert asked(["x.lock"]) is None
    else:
        with pytest.raises(SystemExit, match="pip-audit failed"):
            asked(["x.lock"])
