"""That a booted host really enforces each directive that the units rely on."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from host.attempts import ELF32, FORBIDDEN, OTHERWISE

if TYPE_CHECKING:
    from host.attempts import Attempt
    from host.machine import Machine

UNITS: Final = Path(__file__).parents[2] / "systemd"
SERVICES: Final = sorted(UNITS.glob("*.service"))
DIRECTIVE: Final = re.compile(r"^([A-Z][A-Za-z]+)=(.*)$", re.MULTILINE)


def directives() -> dict[str, str]:
    """What the sections [Service] of all units say; of lines that repeat a name, the longest."""
    found: dict[str, str] = {}
    for file in SERVICES:
        section = file.read_text().partition("[Service]")[2].partition("\n[")[0]
        for name, value in DIRECTIVE.findall(section):
            if len(value) >= len(found.get(name, "")):
                found[name] = value
    return found


LOOSE: Final = frozenset(("no", "all"))
"""A directive that says why it does not hold."""
SANDBOX: Final = {name: value for name, value in directives().items() if name not in OTHERWISE and value not in LOOSE}


@pytest.fixture(scope="module")
def host(bookworm: Machine) -> Machine:
    bookworm.write("/run/elf32", ELF32, "0755")
    return bookworm


def _in_a_unit(host: Machine, attempt: Attempt, *properties: str) -> bool:
    """Whether the attempt succeeds in a unit of its own."""
    given = " ".join(f"-p {shlex.quote(each)}" for each in (*attempt.given, *properties))
    host.run(attempt.before or "true")
    unit = f"systemd-run --quiet --wait --pipe --collect {given}"
    done = host.run(f"{unit} sh -c {shlex.quote(attempt.command)}", check=False)
    return host.run(attempt.after, check=False).status == 0 if attempt.after else done.status == 0


def test_each_directive_is_known() -> None:
    """Whoever adds one says how it is shown to be enforced."""
    assert [name for name in SANDBOX if name not in FORBIDDEN] == []


@pytest.mark.parametrize("name", [name for name in FORBIDDEN if name in SANDBOX])
def test_it_is_enforced(host: Machine, name: str) -> None:
    attempt = FORBIDDEN[name]
    value = attempt.value or SANDBOX[name]
    assert _in_a_unit(host, attempt), f"without {name} the attempt should succeed: it shows nothing"
    assert not _in_a_unit(host, attempt, f"{name}={value}"), f"{name}={value} is not enforced"


def test_credentials_reach_their_service_alone(host: Machine) -> None:
    host.write("/run/secret", "for one unit", "0600")
    reads = 'cat "$CREDENTIALS_DIRECTORY/secret"'
    run = "systemd-run --quiet --wait --pipe --collect -p User=nobody"
    assert host.run(f"{run} -p LoadCredential=secret:/run/secret sh -c '{reads}'").out == "for one unit"
    assert host.run(f"{run} cat /run/secret", check=False).status != 0


def test_the_service_has_no_rights(host: Machine) -> None:
    """The process that serves, as the kernel sees it."""
    pid = host.show("appliance.service", "MainPID")["MainPID"]
    status = dict(line.split(":\t", 1) for line in host.read(f"/proc/{pid}/status").splitlines() if ":\t" in line)
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0000000000000000"}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "0" not in status["Uid"].split()


def test_its_user_owns_nothing_that_it_runs(host: Machine) -> None:
    assert (
        host.run(
            "find /opt/appliance /usr/local/sbin /usr/local/lib/systemd -user appliance -o -group appliance -perm /020"
        ).out
        == ""
    )
    assert host.run("getent passwd appliance").out.strip().rsplit(":", 1)[-1] == "/usr/sbin/nologin"
    assert host.run("su appliance -s /bin/sh -c 'touch /opt/appliance/current/attempt'", check=False).status != 0
