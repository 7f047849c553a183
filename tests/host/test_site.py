"""From a bare Debian to an appliance that is spoken with over TLS, by the playbook that administrators run."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from host.appliances import door, provision, variables
from host.household import PROBE
from host.playbook import ROOT, play

if TYPE_CHECKING:
    from pathlib import Path

    from host.machine import Machine
    from host.releases import Signer


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def box(request: pytest.FixtureRequest) -> Machine:
    found: Machine = request.getfixturevalue(request.param)
    return found


def test_a_second_run_changes_nothing(box: Machine, bundle: Path, signer: Signer, folder: Path) -> None:
    assert provision(box, bundle, signer, folder).of(box).changed == 0


def test_it_is_spoken_with_over_tls(box: Machine, folder: Path) -> None:
    way_in, key = door(box, folder), folder / f"{box.name}.key"
    key.write_text(way_in.key)
    with way_in.client() as client:
        assert client.get("/health/ready").json()["status"] == "ready"
        turn = client.post("/v1/voice/turns", files={"audio": ("probe.flac", PROBE.read_bytes())})
        assert (turn.status_code, len(turn.content) > 10_000) == (200, True)
    options: list[str | Path] = ["--timeout", "120", "--tries", "2", "--key-file", key, "--ca-file", way_in.authority]
    told = subprocess.run(
        [sys.executable, "-m", "appliance", "probe", "--no-report", "--url", way_in.url, *options],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr


def test_nobody_without_a_key_is_answered(box: Machine, folder: Path) -> None:
    with door(box, folder).client() as client:
        assert client.get("/v1/models", headers={"authorization": "Bearer none"}).status_code == 401


def test_a_look_tells_what_was_edited_by_hand(bookworm: Machine, bundle: Path, signer: Signer, folder: Path) -> None:
    bookworm.run("sed -i 's/^/# /' /etc/appliance/appliance.toml")
    looked = play("site.yml", [bookworm], variables(bundle, signer), folder, options=["--check", "--diff"])
    assert "appliance.toml" in looked.said
    assert looked.of(bookworm).changed > 0
    assert bookworm.read("/etc/appliance/appliance.toml").startswith("# "), "a look changes nothing"
    assert provision(bookworm, bundle, signer, folder).of(bookworm).changed > 0
    assert (
        play("site.yml", [bookworm], variables(bundle, signer), folder, options=["--check", "--diff"])
        .of(bookworm)
        .changed
        == 0
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("hardening_ssh_from", ["192.0.2.0/24"]),
        ("hardening_ssh_port", 2222),
        ("hardening_ssh_root", "no"),
        ("hardening_web_from", ["voice.example"]),
        ("appliance_listen", "192.0.2.1:8080"),
        ("appliance_settings", {"wyoming": {"enabled": True}}),
        ("appliance_settings", {"wyoming": {"enabled": True, "key": "k", "allow": ["192.0.2.7/24"]}}),
    ],
)
def test_what_would_lock_us_out_is_refused(
    bookworm: Machine, bundle: Path, signer: Signer, folder: Path, variable: str, value: object
) -> None:
    wanted = variables(bundle, signer, **{variable: value})
    told = play("site.yml", [bookworm], wanted, folder, options=["--tags", "preflight"], fails=True)
    assert variable in told.said
    assert told.of(bookworm).changed == 0


def test_the_doctor_finds_nothing(box: Machine) -> None:
    told = box.run(
        "appliance doctor --config /etc/appliance/appliance.toml --state-dir /var/lib/appliance", check=False
    )
    assert told.status == 0, told.out


def test_it_is_there_again_after_a_reboot(box: Machine, folder: Path) -> None:
    before = box.run("cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic").out
    box.stop_hard()
    box.start()
    box.wait("curl -fsS http://127.0.0.1:8080/health/ready")
    assert box.run("cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic").out != before
    with door(box, folder).client() as client:
        assert client.get("/health/ready").status_code == 200


def test_prometheus_sees_it(trixie: Machine) -> None:
    ask = "curl -fsS -G http://127.0.0.1:9090/api/v1/query --data-urlencode 'query=min(up)'"
    trixie.wait(f"{ask} | grep -q '\"1\"'")
    jobs = trixie.run("curl -fsS http://127.0.0.1:9090/api/v1/label/job/values").out
    assert {"appliance", "node", "alertmanager"} <= set(json.loads(jobs)["data"])


def test_prometheus_works_out_the_rules(trixie: Machine) -> None:
    groups = json.loads(trixie.run("curl -fsS http://127.0.0.1:9090/api/v1/rules").out)["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    names = {"recorded", "service", "storage", "backup", "host", "gpu", "watching"}
    assert {group["name"] for group in groups} == names
    assert [rule["lastError"] for rule in rules if rule.get("lastError")] == []
    for rule in rules:
        if rule["type"] == "alerting":
            assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{rule['name'].lower()}"


def test_node_exporter_tells_of_the_appliances_units(trixie: Machine) -> None:
    told = trixie.run("curl -fsS http://127.0.0.1:9100/metrics").out
    assert 'node_systemd_timer_last_trigger_seconds{name="appliance-backup.timer"}' in told
    assert 'node_systemd_service_restart_total{name="appliance.service"}' in told
    assert 'state="failed",type="oneshot"' in told
