"""The door for Home Assistant: opened by the playbook to those who are named, to nobody else, and shut again."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Final

import anyio
import pytest
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info

from host.appliances import provision
from host.lan import beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from host.lan import Lan
    from host.machine import Machine
    from host.releases import Signer

PORT: Final = 10300
SOCKET: Final = "appliance-wyoming.socket"
PATIENCE_SECONDS: Final = 60.0
LISTENS: Final = f"ss -Hltn 'sport = :{PORT}'"
FROM_THE_BOX: Final = f"""
import socket
with socket.create_connection(("127.0.0.1", {PORT}), 20) as line:
    print(line.recv(100))
"""


@pytest.fixture(scope="module")
def wanted(bookworm: Machine, net: Lan) -> dict[str, dict[str, object]]:
    """Settings that let this machine in by its first address, and nobody else, with a key of their own."""
    made = bookworm.run("appliance keys create home --scope audio --scope voice").out
    key = made.strip().removeprefix("va_").partition("_")[0]
    return {"wyoming": {"enabled": True, "host": "0.0.0.0", "key": key, "allow": [f"{net.address(1)}/32"]}}  # noqa: S104


@pytest.fixture(scope="module")
def opened(
    bookworm: Machine, bundle: Path, signer: Signer, folder: Path, wanted: dict[str, dict[str, object]]
) -> Iterator[Machine]:
    """The host with that door; as it was before, once these tests are over."""
    assert provision(bookworm, bundle, signer, folder, appliance_settings=wanted).of(bookworm).changed > 0
    yield bookworm
    assert provision(bookworm, bundle, signer, folder).of(bookworm).changed > 0
    assert bookworm.run(LISTENS).out == "", "it is shut again"
    assert bookworm.show(SOCKET, "ActiveState", "UnitFileState") == {
        "ActiveState": "inactive", "UnitFileState": "disabled",
    }  # fmt: skip
    assert bookworm.run(f"test -e /etc/systemd/system/{SOCKET}.d/ansible.conf", check=False).status != 0
    assert f"dport {PORT}" not in bookworm.run("nft list table inet appliance").out


async def info(address: str) -> Info | None:
    """What the box says that it can do."""
    with anyio.fail_after(PATIENCE_SECONDS):
        async with AsyncTcpClient(address, PORT) as client:
            await client.write_event(Describe().event())
            while (event := await client.read_event()) is not None:
                if Info.is_type(event.type):
                    return Info.from_event(event)
    return None


def test_a_second_run_changes_nothing(
    opened: Machine, bundle: Path, signer: Signer, folder: Path, wanted: dict[str, dict[str, object]]
) -> None:
    assert provision(opened, bundle, signer, folder, appliance_settings=wanted).of(opened).changed == 0


def test_who_is_named_is_told_what_there_is(opened: Machine) -> None:
    told = anyio.run(info, opened.address)
    assert told is not None
    assert (len(told.asr), len(told.tts), len(told.handle)) == (1, 1, 1)


def test_it_is_systemds_and_outlives_the_service(opened: Machine) -> None:
    """Whoever comes while nothing serves waits, and is what the service is started for."""
    assert opened.show(SOCKET, "ActiveState", "UnitFileState") == {"ActiveState": "active", "UnitFileState": "enabled"}
    opened.run("systemctl stop appliance.service")
    assert anyio.run(info, opened.address) is not None
    opened.wait("curl -fsS http://127.0.0.1:8080/health/ready")


def test_who_is_not_named_is_turned_away_by_the_box_itself(opened: Machine) -> None:
    """The firewall lets by what comes from the host."""
    assert opened.run("python3 -", given=FROM_THE_BOX).out.strip() == "b''"
    log = opened.run("journalctl -u appliance.service -o cat -g 'wyoming client turned away'").out
    assert "127.0.0.1" in log


def test_who_is_not_named_does_not_get_through_the_firewall(opened: Machine, net: Lan) -> None:
    with beside(net, 250) as other:
        assert not reaches(opened, other)
    assert reaches(opened, net.address(1)), "otherwise this shows nothing"


def reaches(host: Machine, source: str) -> bool:
    try:
        socket.create_connection((host.address, PORT), 3, source_address=(source, 0)).close()
    except OSError:
        return False
    return True


def test_stopping_the_box_for_good_shuts_it_too(opened: Machine) -> None:
    opened.run("systemctl stop appliance.socket appliance.service")
    try:
        assert opened.run(LISTENS).out == ""
    finally:
        opened.run("systemctl start appliance.socket appliance.service")
    assert anyio.run(info, opened.address) is not None
    opened.wait("curl -fsS http://127.0.0.1:8080/health/ready")


def test_the_doctor_finds_nothing(opened: Machine) -> None:
    told = opened.run("appliance doctor --json", check=False)
    assert told.status == 0, told.out
    found = {check["name"]: check["outcome"] for check in json.loads(told.out)["checks"]}
    assert {found[name] for name in ("wyoming port", "wyoming key", SOCKET)} == {"ok"}
