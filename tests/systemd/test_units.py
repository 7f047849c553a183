"""The units by systemd's own judgement: nothing in them is unknown or wrong, and each service is shut in well."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from appliance.settings.wyoming import Wyoming
from appliance.supervision.activation import WYOMING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "systemd"
UNITS: Final = sorted(
    path.name for kind in ("service", "socket", "timer", "slice") for path in FOLDER.glob(f"*.{kind}")
)
SERVICES: Final = [name for name in UNITS if name.endswith(".service")]
DROP_INS: Final = sorted(path.name for path in (FOLDER / "drop-ins").glob("*.conf"))
DOOR: Final = "appliance-wyoming.socket"
MOST_EXPOSURE: Final = 20
"""Tenths."""
PROGRAMS: Final = (
    "opt/appliance/current/venv/bin/appliance", "usr/local/sbin/appliance-release", "bin/true"
)  # fmt: skip
HANGS: Final = """
from appliance.releases.layout import Account
from appliance.releases.running import run
run(["sleep", "60"], 0.1, account=Account(65534, 65534))
"""
SYSTEM_UNITS: Final = Path("/usr/lib/systemd/system")


@pytest.fixture(scope="module")
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        message = "systemd-analyze is not installed (Debian's package systemd): the units are not checked"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root folder with the system's own units, ours, and programs that are there."""
    tree = tmp_path_factory.mktemp("root")
    shutil.copytree(SYSTEM_UNITS, tree / "usr/lib/systemd/system", symlinks=True)
    ours = tree / "usr/local/lib/systemd/system"
    ours.mkdir(parents=True)
    for name in UNITS:
        shutil.copy(FOLDER / name, ours)
    for program in PROGRAMS:
        path = tree / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    yield tree
    shutil.rmtree(tree)


def verified(analyze: str, tree: Path, *units: str) -> tuple[int, str]:
    done = subprocess.run(
        [analyze, "verify", "--man=no", f"--root={tree}", *units],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def exposure(analyze: str, *options: str) -> tuple[int, str]:
    command = [analyze, "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSURE}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.splitlines()[-1] if done.stdout else done.stderr


def test_systemd_finds_no_fault(analyze: str, tree: Path) -> None:
    assert verified(analyze, tree, *UNITS) == (0, "")


@pytest.mark.parametrize("drop_in", DROP_INS)
def test_nor_with_a_drop_in(analyze: str, tree: Path, drop_in: str) -> None:
    folder = tree / "etc/systemd/system/appliance.service.d"
    folder.mkdir(parents=True)
    try:
        shutil.copy(FOLDER / "drop-ins" / drop_in, folder)
        assert verified(analyze, tree, "appliance.service") == (0, "")
        assert exposure(analyze, f"--root={tree}", "appliance.service")[0] == 0
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_is_shut_in(analyze: str, tree: Path, service: str) -> None:
    code, said = exposure(analyze, f"--root={tree}", service)
    assert code == 0, said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("ExecStart=/bin/true\nWatchdogSecs=3", "Unknown key"), ("ExecStart=/nowhere", "not executable")],
)
def test_a_fault_is_seen(analyze: str, tree: Path, wrong: str, said: str) -> None:
    unit = tree / "usr/local/lib/systemd/system/wrong.service"
    unit.write_text(f"[Service]\n{wrong}\n")
    assert said in verified(analyze, tree, "wrong.service")[1]
    assert exposure(analyze, f"--root={tree}", "wrong.service")[0] == 1
    unit.unlink()


def directives(unit: str, section: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(FOLDER / unit)
    return parser[section]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up some of root's rights, and has to be root for that")
def test_the_recovery_can_end_what_it_began_as_another_user() -> None:
    allowed = directives("appliance-release-recover.service", "Service")["CapabilityBoundingSet"].lower().split()
    bounds = ",".join(["-all", *("+" + name.removeprefix("cap_") for name in allowed)])
    command = ["setpriv", "--bounding-set", bounds, sys.executable, "-c", HANGS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, cwd=ROOT)
    assert "sleep 60: not done within 0 s" in done.stderr


def test_the_door_for_home_assistant_is_opened_by_whoever_wants_it() -> None:
    """Where the settings have it, as what is handed over is known by its name; and no unit brings it along."""
    usual, opened = Wyoming(), directives(DOOR, "Socket")
    assert opened["ListenStream"] == f"{usual.host}:{usual.port}"
    assert (opened["Service"], opened["FileDescriptorName"]) == ("appliance.service", WYOMING)
    assert directives(DOOR, "Install")["WantedBy"] == directives(DOOR, "Unit")["PartOf"] == "appliance.socket"
    assert [name for name in UNITS if name != DOOR and DOOR in (FOLDER / name).read_text()] == []


@pytest.mark.parametrize("timer", [name for name in UNITS if name.endswith(".timer")])
def test_each_timer_has_its_service(timer: str) -> None:
    assert timer.replace(".timer", ".service") in SERVICES
    assert directives(timer, "Timer")["RandomizedDelaySec"]
