"""The running box: systemd's units, and the server's own word."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from appliance import __version__
from appliance.doctor import server, units
from appliance.doctor.child import Answer, Unanswered
from doctor.standing import Asked, found, outcomes, standing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOOR = "appliance-wyoming.socket"
WELL = {
    "appliance.service": {
        "ActiveState": "active", "SubState": "running", "Result": "success", "NRestarts": "0", "WatchdogUSec": "20s",
    },
    "appliance.socket": {"ActiveState": "active", "Result": "success"},
    "appliance-release-recover.service": {"ActiveState": "inactive", "Result": "success"},
    "appliance-backup.timer": {"ActiveState": "active"},
    "appliance-backup.service": {"ActiveState": "inactive", "Result": "success"},
    "appliance-verify.timer": {"ActiveState": "active"},
    "appliance-verify.service": {"ActiveState": "inactive", "Result": "success"},
    "appliance-synthetic.timer": {"ActiveState": "active"},
    "appliance-synthetic.service": {
        "ActiveState": "inactive", "Result": "success", "ExecMainExitTimestamp": "Thu 2026-11-26 10:00:03 UTC",
    },
}  # fmt: skip


def told(**changes: dict[str, str]) -> Answer:
    """What `systemctl show` prints of these units: a block each."""
    blocks = []
    for name, properties in WELL.items():
        changed = {"Id": name, "LoadState": "loaded", **properties, **changes.get(name, {})}
        blocks.append("\n".join(f"{key}={value}" for key, value in changed.items()))
    return Answer(0, "\n\n".join(blocks) + "\n")


@pytest.fixture
def booted(tmp_path: Path) -> Path:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    return tmp_path


def test_all_is_well(booted: Path) -> None:
    checks = found(units.checks, standing(booted, {"systemctl": told()}))
    assert {check.outcome for check in checks.values()} == {"ok"}
    assert set(checks) == {
        "appliance.service", "appliance.socket", "appliance-backup.timer", "appliance-verify.timer",
        "appliance-synthetic.timer",
    }  # fmt: skip
    assert "10:00:03" in checks["appliance-synthetic.timer"].seen


@pytest.mark.parametrize(
    ("unit", "change", "name", "outcome"),
    [
        ("appliance.service", {"ActiveState": "failed", "Result": "watchdog"}, "appliance.service", "fault"),
        ("appliance.service", {"ActiveState": "inactive"}, "appliance.service", "fault"),
        ("appliance.service", {"ActiveState": "activating"}, "appliance.service", "warning"),
        ("appliance.service", {"WatchdogUSec": "0"}, "appliance.service", "warning"),
        ("appliance.service", {"NRestarts": "1"}, "appliance.service", "note"),
        ("appliance.service", {"NRestarts": "7"}, "appliance.service", "warning"),
        ("appliance.socket", {"ActiveState": "failed", "Result": "resources"}, "appliance.socket", "fault"),
        ("appliance-backup.timer", {"ActiveState": "inactive"}, "appliance-backup.timer", "warning"),
        ("appliance-backup.timer", {"LoadState": "not-found"}, "appliance-backup.timer", "skipped"),
        ("appliance-synthetic.service", {"Result": "exit-code"}, "appliance-synthetic.timer", "fault"),
        ("appliance-release-recover.service", {"ActiveState": "failed"}, "appliance-release-recover.service", "fault"),
    ],
)
def test_units(booted: Path, unit: str, change: dict[str, str], name: str, outcome: str) -> None:
    checks = outcomes(units.checks, standing(booted, {"systemctl": told(**{unit: change})}))
    assert checks.pop(name) == outcome
    assert set(checks.values()) == {"ok"}


@pytest.mark.parametrize(
    ("wanted", "state", "outcome"),
    [(True, "active", "ok"), (True, "inactive", "note"), (False, "active", "warning"), (False, "inactive", None)],
)
def test_the_door_for_home_assistant(
    booted: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool, state: str, outcome: str | None
) -> None:
    monkeypatch.setitem(WELL, DOOR, {"ActiveState": state})
    ground = standing(booted, {"systemctl": told()}, sections={"wyoming": {"enabled": wanted}})
    assert outcomes(units.checks, ground).get(DOOR) == outcome


def test_where_there_are_no_units(booted: Path, tmp_path: Path) -> None:
    absent = told(**{"appliance.service": {"LoadState": "not-found"}})
    assert outcomes(units.checks, standing(booted, {"systemctl": absent})) == {"units": "skipped"}
    provisioned = standing(booted, {"systemctl": absent}, provisioned=True)
    assert outcomes(units.checks, provisioned) == {"units": "fault"}
    for answer in (Answer(1, "", "Failed to connect to bus"), Unanswered("systemctl gave no answer within 8 s")):
        assert outcomes(units.checks, standing(booted, {"systemctl": answer})) == {"units": "skipped"}
    assert outcomes(units.checks, standing(tmp_path / "elsewhere")) == {"units": "skipped"}


STAGE = {"state": "ready", "model": "small", "detail": "", "restarts": 0, "in_flight": 0}


class Box:
    """An HTTP server that says what it is told to say."""

    def __init__(self, **answers: tuple[int, Any]) -> None:
        self.answers = {
            "/health/live": (200, {"version": __version__, "status": "live"}),
            "/health/ready": (200, {"status": "ready", "stages": {"stt": STAGE, "llm": STAGE}}),
            "/v1/models": (401, {}),
            **{f"/{path.replace('_', '/')}": answer for path, answer in answers.items()},
        }


@contextmanager
def served(box: Box) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = box.answers[self.path]
            encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}"
        finally:
            listening.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, {"server": "ok", "stages": "ok", "spoken turn": "skipped"}),
        (
            {"health_live": (503, {"version": __version__, "status": "dead"})},
            {"server": "fault", "stages": "ok", "spoken turn": "skipped"},
        ),
        ({"health_live": (200, {"hello": 1})}, {"server": "fault"}),
        ({"health_live": (200, b"<html>")}, {"server": "fault"}),
        (
            {"health_live": (200, {"version": "9.9.9", "status": "live"})},
            {"server": "ok", "running version": "note", "stages": "ok", "spoken turn": "skipped"},
        ),
        (
            {"health_ready": (503, {"stages": {"stt": {**STAGE, "state": "down", "detail": "x"}, "llm": STAGE}})},
            {"server": "ok", "stage stt": "fault", "stages": "ok", "spoken turn": "skipped"},
        ),
        (
            {"health_ready": (503, {"stages": {"stt": {**STAGE, "state": "starting"}}})},
            {"server": "ok", "stage stt": "warning", "spoken turn": "skipped"},
        ),
        (
            {"health_ready": (503, {"stages": {"stt": STAGE}, "spoken": {"outcome": "wrong", "at": "…"}})},
            {"server": "ok", "stages": "ok", "last spoken test": "fault", "spoken turn": "skipped"},
        ),
        ({"health_ready": (500, [])}, {"server": "ok", "stages": "fault"}),
    ],
)
def test_the_servers_word(tmp_path: Path, answers: dict[str, tuple[int, Any]], expected: dict[str, str]) -> None:
    with served(Box(**answers)) as url:
        assert outcomes(server.checks, standing(tmp_path, url=url)) == expected


def test_the_running_release_is_the_current_one(tmp_path: Path) -> None:
    (tmp_path / "opt/appliance").mkdir(parents=True)
    link = tmp_path / "opt/appliance/current"
    for running, linked, same in (
        ("0.1.0", "0.1.0+g1", True), ("0.1.0+g1", "0.1.0+g1", True), ("0.1.0+g1", "0.1.0+g2", False),
        ("0.1.0", "0.2.0", False),
    ):  # fmt: skip
        link.unlink(missing_ok=True)
        link.symlink_to(f"releases/{linked}")
        with served(Box(health_live=(200, {"version": running, "status": "live"}))) as url:
            checks = outcomes(server.checks, standing(tmp_path, url=url, provisioned=True))
        assert checks.get("running version", "same") == ("same" if same else "warning")


def test_nobody_answers(tmp_path: Path) -> None:
    with served(Box()) as url:
        pass
    assert outcomes(server.checks, standing(tmp_path, url=url)) == {"server": "skipped"}
    assert outcomes(server.checks, standing(tmp_path, url=url, named=True)) == {"server": "fault"}
    assert outcomes(server.checks, standing(tmp_path, url=url, provisioned=True)) == {"server": "fault"}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(0, '{"outcome": "ok", "seconds": 1.5, "transcript": "confidential"}'), "ok"),
        (Answer(1, '{"outcome": "wrong", "reason": "it was silent", "transcript": "confidential"}'), "fault"),
        (Answer(2, "confidential"), "fault"),
        (Answer(3, '{"outcome": "busy"}'), "warning"),
        (Answer(2, "", "Usage: appliance\n\nError: No such command 'probe'.\n"), "skipped"),
        (Unanswered("python gave no answer within 60 s"), "fault"),
    ],
)
def test_a_spoken_turn(tmp_path: Path, answer: Answer | Exception, outcome: str) -> None:
    key = tmp_path / "key"
    key.write_text("va_000000000000_secret")
    asked, trusted = Asked({"probe": answer}), tmp_path / "box.crt"
    with served(Box()) as url:
        ground = standing(tmp_path, url=url, key_file=key, ca_file=trusted, ask=asked)
        check = found(server.checks, ground)["spoken turn"]
    assert check.outcome == outcome
    assert "confidential" not in check.seen + check.do
    assert ("it was silent" in check.seen) == ("silent" in str(answer))
    (command,) = asked.commands
    assert {str(key), str(trusted)} < set(command)
    assert not any("va_" in word for word in command)


def test_an_open_box_is_spoken_to_without_a_key(tmp_path: Path) -> None:
    asked = Asked({"probe": Answer(0, "{}")})
    with served(Box(v1_models=(200, {}))) as url:
        assert outcomes(server.checks, standing(tmp_path, url=url, ask=asked))["spoken turn"] == "ok"
    assert "--key-file" not in asked.commands[0]
