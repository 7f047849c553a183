"""The doctor, called from a page: at a real box, one at a time, no longer than the caller waits, and if he fails."""

from __future__ import annotations

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from conftest import serving
from scripted import ScriptedStage, doors

from appliance.settings import Settings, load
from appliance.web.admin import doctor_child

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

PATIENCE_SECONDS = 30
PAGE = {
    "format": 1, "appliance": "0.1.0", "at": "2026-11-26T18:00:00Z", "deep": False, "outcome": "ok",
    "checks": [{"name": "server", "outcome": "ok", "seen": "lives", "do": ""}],
}  # fmt: skip
WAITS = """
import os, pathlib, subprocess, sys
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
pathlib.Path(sys.argv[1], "new").write_text(f"{os.getpid()} {child.pid}")
pathlib.Path(sys.argv[1], "new").rename(pathlib.Path(sys.argv[1], "pids"))
child.wait()
"""
"""A doctor with a child of its own, who never come to an end."""


@pytest.fixture
def url() -> Iterator[str]:
    with doors(stage=ScriptedStage()) as address:
        yield address


def test_the_doctor_looks_at_this_very_box(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as (_, url):
        told = httpx.post(f"{url}/v1/admin/doctor", timeout=180).raise_for_status().json()
    checks = {check["name"]: check for check in told["checks"]}
    assert (told["format"], told["deep"]) == (1, False)
    assert url in checks["server"]["seen"]
    assert checks["server"]["outcome"] == checks["spoken turn"]["outcome"] == "ok", checks
    assert checks["port"]["outcome"] == "ok", checks["port"]
    assert str(tmp_path) in json.dumps(told)  # its own database, not that of another box


def test_the_doctor_is_told_where_the_box_is(tmp_path: Path) -> None:
    file = tmp_path / "appliance.toml"
    file.write_text("[llm]\nqueue = 3\n")
    settings = load(file, environ={}, state_dir=tmp_path, overrides={"http": {"open": True}})
    assert doctor_child._where(settings, ("::1", 9000)) == [
        "--state-dir", str(tmp_path), "--config", str(file), "--url", "http://[::1]:9000"
    ]  # fmt: skip
    assert doctor_child._as_it_runs(settings, ("::1", 9000)) == {
        "APPLIANCE_HTTP__HOST": "127.0.0.1", "APPLIANCE_HTTP__OPEN": "true", "APPLIANCE_HTTP__PORT": "9000"
    }  # fmt: skip
    assert load(file, environ=doctor_child._as_it_runs(settings, ("127.0.0.1", 8080)), state_dir=tmp_path) == settings
    assert doctor_child._where(Settings(), None) == ["--state-dir", ".state"]


def test_the_page_is_given_as_it_is(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = json.dumps({**PAGE, "later": 1}, indent=3)
    monkeypatch.setattr(doctor_child, "COMMAND", (sys.executable, "-c", f"print({printed!r}); raise SystemExit(1)"))
    answer = httpx.post(f"{url}/v1/admin/doctor")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.text == printed + "\n"


@pytest.mark.parametrize(
    "script",
    [
        "raise SystemExit(2)",
        "print('{}')",
        "print('no page')",
        "print('x' * 2_000_000)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    ],
)
def test_a_doctor_who_cannot_look_is_told(url: str, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(doctor_child, "COMMAND", (sys.executable, "-c", script))
    answer = httpx.post(f"{url}/v1/admin/doctor")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")


def called(folder: Path) -> list[psutil.Process]:
    """The doctor and its child, once they are there."""
    until, file = time.monotonic() + PATIENCE_SECONDS, folder / "pids"
    while not file.exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    return [psutil.Process(int(pid)) for pid in file.read_text().split()]


def gone(processes: list[psutil.Process]) -> bool:
    """Whether all of them end."""
    return not psutil.wait_procs(processes, timeout=PATIENCE_SECONDS)[1]


def test_one_at_a_time_and_no_longer_than_its_caller(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_child, "COMMAND", (sys.executable, "-c", WAITS, str(tmp_path)))
    with ThreadPoolExecutor(1) as pool, httpx.Client() as client:
        first = pool.submit(client.post, f"{url}/v1/admin/doctor", timeout=httpx.Timeout(60, read=None))
        doctors = called(tmp_path)
        busy = httpx.post(f"{url}/v1/admin/doctor")
        assert (busy.status_code, busy.json()["error"]["code"]) == (503, "overloaded")
        assert busy.headers["retry-after"] == "10"
        hang_up(client)
        assert gone(doctors)
        with pytest.raises(httpx.TransportError):
            first.result(PATIENCE_SECONDS)
    answers(url, monkeypatch)


def hang_up(client: httpx.Client) -> None:
    """Break the connection off, as a page does that is closed."""
    pool: Any = client._transport
    for connection in pool._pool.connections:
        connection._connection._network_stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def answers(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is looked after."""
    monkeypatch.setattr(doctor_child, "COMMAND", (sys.executable, "-c", f"print({json.dumps(PAGE)!r})"))
    until = time.monotonic() + PATIENCE_SECONDS
    while (answer := httpx.post(f"{url}/v1/admin/doctor")).status_code == 503:
        assert time.monotonic() < until
    assert answer.json() == PAGE


def test_a_doctor_who_takes_too_long_is_ended(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_child, "COMMAND", (sys.executable, "-c", WAITS, str(tmp_path)))
    monkeypatch.setattr(doctor_child, "SECONDS", 0.1)
    answer = httpx.post(f"{url}/v1/admin/doctor")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "deadline_exceeded")
    answers(url, monkeypatch)
