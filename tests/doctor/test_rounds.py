"""The rounds: no family waits for another, falls with it, or says what must not be said."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from appliance.cli import options
from appliance.doctor import configuration, ports, versions
from appliance.doctor.check import Check, fault, note, ok, skipped, warning
from appliance.doctor.child import Absent, Answer, Unanswered, ask
from appliance.doctor.ground import Ground, ground
from appliance.doctor.page import document, page
from appliance.doctor.redaction import redacted
from appliance.doctor.rounds import Family, rounds
from appliance.places import Places
from doctor.standing import Asked, found, outcomes, standing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.doctor.ground import Ground


def test_a_family_that_hangs_or_fails_is_told_beside_the_others(tmp_path: Path) -> None:
    held, release = threading.Event(), threading.Event()

    def hangs(_: Ground) -> Iterator[Check]:
        yield ok("before", "it hung")
        held.set()
        release.wait()

    def sees(_: Ground) -> Iterator[Check]:  # it is waited for first, so the other hangs when its time is over
        held.wait()
        yield ok("meanwhile", "it hangs")

    def fails(_: Ground) -> Iterator[Check]:
        yield ok("before it failed", "x")
        raise ValueError("a secret sentence")

    def forbidden(_: Ground) -> Iterator[Check]:
        if tmp_path.exists():
            raise PermissionError(13, "Permission denied", "/root/x")
        yield ok("never", "x")

    families = [
        Family("sees", sees), Family("hangs", hangs, 0.0), Family("fails", fails), Family("forbidden", forbidden)
    ]  # fmt: skip
    try:
        checks = {check.name: check for check in rounds(standing(tmp_path), families)}
    finally:
        release.set()
    assert {name: check.outcome for name, check in checks.items()} == {
        "hangs": "fault", "fails": "warning", "before": "ok", "before it failed": "ok", "forbidden": "skipped",
        "meanwhile": "ok",
    }  # fmt: skip
    assert "ValueError" in checks["fails"].seen
    assert "secret sentence" not in checks["fails"].seen
    assert "/root/x" in checks["forbidden"].seen


def test_the_page_begins_with_what_is_wrong() -> None:
    found = [fault("disk", "word " * 60, "make room"), warning("b", "x", "y"), note("c", "x"), ok("d", "z " * 90)]
    lines = list(page([*found, skipped("e", "why")], width=80, colour=False))
    assert max(map(len, lines)) <= 80
    assert [line[:9].strip() for line in lines if not line.startswith(" ") and line][:5] == [
        "fault", "warning", "note", "ok", "skipped",
    ]  # fmt: skip
    assert sum("word" in line for line in lines) > 1  # a fault is told whole
    assert sum("z" in line for line in lines) == 1
    assert lines[-1] == "1 fault, 1 warning, 1 note, 1 ok, 1 skipped"
    assert "\033[1;31mfault" in next(page(found, width=80, colour=True))


def test_the_document() -> None:
    told = json.loads(document([fault("a", "b", "c")], at=datetime(2026, 11, 26, 18, tzinfo=UTC), deep=True))
    assert told.pop("appliance")
    assert told == {
        "format": 1, "at": "2026-11-26T18:00:00Z", "deep": True, "outcome": "fault",
        "checks": [{"name": "a", "outcome": "fault", "seen": "b", "do": "c"}],
    }  # fmt: skip


PRIVATE = """\
-----BEGIN OPENSSH PRIVATE KEY-----  # pragma: allowlist secret
b3BlbnNz
-----END OPENSSH PRIVATE KEY-----"""


@pytest.mark.parametrize(
    "secret",
    [
        "va_0123456789ab_" + "f" * 64,
        "va_0123456789ab",
        "AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",  # pragma: allowlist secret
        PRIVATE,
        "Bearer abc.def",
    ],
)
def test_keys_are_not_told(secret: str) -> None:
    told = redacted(f"before {secret} after")
    assert not any(part in told for part in secret.split() if len(part) > 8)
    assert told.startswith("before ")
    assert redacted("java_home at http://u:p@h:1/x is fine") == "java_home at http://[secret]@h:1/x is fine"


def test_other_programs_have_a_deadline() -> None:
    assert ask([sys.executable, "-c", "print('x')"], 20).out == "x\n"
    with pytest.raises(Absent):
        ask(["/no/such/program"], 1)
    with pytest.raises(Unanswered, match=r"within 0\.05 s"):
        ask([sys.executable, "-c", "import signal; signal.pause()"], 0.05)


def test_settings(tmp_path: Path) -> None:
    config = tmp_path / "appliance.toml"

    def looked() -> Check:
        made = ground(config=config, state_dir=tmp_path, url=None, key_file=None, deep=False, places=Places(tmp_path))
        return found(configuration.checks, made)["settings"]

    config.write_text("[http]\nport = 9000\n")
    assert looked().outcome == "ok"
    config.write_text("[http]\nprot = 9000\n")
    assert (looked().outcome, f"{config}:2" in looked().seen, "prot" in looked().seen) == ("fault", True, True)
    config.write_text('[log]\nlevel = "opensesame"\n')
    assert (looked().outcome, "opensesame" in looked().seen) == ("fault", False)
    config.unlink()
    assert looked().outcome == "fault"
    unseen = standing(tmp_path, unseen="may not be read")
    assert outcomes(configuration.checks, unseen) == {"settings": "skipped"}
    assert outcomes(configuration.checks, standing(tmp_path, sections={"http": {"open": True}}))["keys"] == "note"


def test_a_box_has_places_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {"config": None, "url": None, "key_file": None, "deep": False, "places": Places(tmp_path)}
    checkout = ground(state_dir=None, **given)
    assert (checkout.provisioned, checkout.config, str(checkout.settings.state_dir)) == (False, None, ".state")
    (tmp_path / "opt/appliance/releases/1/venv").mkdir(parents=True)
    (tmp_path / "opt/appliance/current").symlink_to("releases/1")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "opt/appliance/current/venv"))
    box = ground(state_dir=None, **given)
    assert (box.provisioned, box.config) == (True, tmp_path / "etc/appliance/appliance.toml")
    assert box.settings.database == tmp_path / "var/lib/appliance/appliance.db"
    assert box.backups == tmp_path / "var/backups/appliance"
    assert "cannot be read" in box.wrong
    assert not ground(state_dir=tmp_path / "other", **given).provisioned
    assert Places(tmp_path).default_config(tmp_path / "var/lib/appliance") is None
    (tmp_path / "etc/appliance").mkdir(parents=True)
    (tmp_path / "etc/appliance/appliance.toml").write_text('[models]\nset = "gpu-8gb"\n')
    monkeypatch.setattr(options, "PLACES", Places(tmp_path))
    assert options.load_settings(None, Places(tmp_path).default_state()).models.set == "gpu-8gb"
    assert options.load_settings(None, tmp_path / "other").models.set == "starter"
    assert ground(state_dir=None, **given).settings.models.set == "gpu-8gb"
    monkeypatch.setattr(sys, "prefix", "/usr")
    assert ground(state_dir=tmp_path / "var/lib/appliance", **given).provisioned


def test_a_box_is_where_its_units_say(tmp_path: Path) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    kept = (
        "{ path=/opt/appliance/current/venv/bin/appliance ; argv[]=/opt/appliance/current/venv/bin/appliance backup "
        "create --config /etc/appliance/appliance.toml --state-dir /var/lib/appliance --to /mnt/{} --keep 14 ; "
        "ignore_errors=no ; pid=0 }\n"
    )
    units = {
        "Listen": Answer(0, "[::]:9443 (Stream)\n192.168.1.10:9444 (Stream)\n"),
        "ExecStart": Answer(0, kept.replace("{}", "first") + kept.replace("{}", "second")),
    }

    def stood(answers: dict[str, Answer | Exception], state: str = "var/lib/appliance") -> Ground:
        return ground(
            config=None, state_dir=tmp_path / state, url=None, key_file=None, deep=False, places=Places(tmp_path),
            ask=Asked(answers),
        )  # fmt: skip

    box = stood({**units})
    assert (box.listens, box.address, str(box.backups)) == (("::", 9443), "http://[::1]:9443", "/mnt/first")
    assert found(ports.checks, box)["port"].seen == "[::]:9443: nobody listens"
    hangs = stood({"systemctl": Unanswered("systemctl gave no answer within 8 s")})
    assert (hangs.address, hangs.backups) == ("http://127.0.0.1:8080", tmp_path / "var/backups/appliance")
    assert stood({**units}, "checkout").address == "http://127.0.0.1:8080"


def test_releases(tmp_path: Path) -> None:
    assert outcomes(versions.checks, standing(tmp_path)) == {"appliance": "ok", "libraries": "ok", "release": "skipped"}
    opt = tmp_path / "opt/appliance"
    (opt / "releases/0.1.0").mkdir(parents=True)
    (opt / "releases/0.2.0").mkdir()
    assert outcomes(versions.checks, standing(tmp_path))["release"] == "fault"
    (opt / "current").symlink_to("releases/0.1.0")
    check = found(versions.checks, standing(tmp_path))["release"]
    assert (check.outcome, "others: 0.2.0" in check.seen) == ("ok", True)
    assert outcomes(versions.checks, standing(tmp_path, provisioned=True))["release"] == "note"  # we are not of it
    (opt / "releases/0.1.0").rmdir()
    assert outcomes(versions.checks, standing(tmp_path))["release"] == "fault"


def test_an_interrupted_upgrade(tmp_path: Path) -> None:
    (tmp_path / "opt/appliance/releases").mkdir(parents=True)
    assert outcomes(versions.checks, standing(tmp_path))["upgrade"] == "ok"
    journal = tmp_path / "var/lib/appliance-releases/upgrade.json"
    journal.parent.mkdir(parents=True)
    journal.touch()
    assert outcomes(versions.checks, standing(tmp_path))["upgrade"] == "warning"


def test_a_library_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "LIBRARIES", (*versions.LIBRARIES, "no-such-library"))
    assert outcomes(versions.checks, standing(tmp_path))["libraries"] == "fault"
