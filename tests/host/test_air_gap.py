"""A box without any network: installed from one file, and unable to reach out even where there would be a way."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from host.appliances import door, provision
from host.household import PROBE
from host.lan import lan
from host.machine import machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from host.lan import Lan
    from host.machine import Machine
    from host.releases import Signer

WAYS: Final = {
    "tcp": 'socket.create_connection(("{}", {}), 3).close()',
    "udp": 's = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(3); s.sendto(b"x", ("{}", {})); s.recv(1)',
}
"""Python that succeeds once the machine outside has been reached."""


@pytest.fixture(scope="module")
def gap() -> Iterator[Lan]:
    """Hosts of this network reach this machine, which stands for the world outside, and nothing beyond it."""
    with lan(way_out=False) as net:
        yield net


@pytest.fixture(scope="module")
def box(gap: Lan, folder: Path, whole_bundle: Path, signer: Signer) -> Iterator[Machine]:
    with machine("gapped", 21, "bookworm", gap, folder) as host:
        assert host.run("timeout 5 getent hosts debian.org", check=False).status != 0, "there is a network"
        provision(host, whole_bundle, signer, folder, base_packages_from="bundle", hardening_no_egress=True)
        yield host


@contextmanager
def world_outside(net: Lan) -> Iterator[int]:
    """Something that answers at the other end, over TCP and UDP; its port."""
    over = threading.Event()
    with socket.create_server((net.address(1), 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        port = tcp.getsockname()[1]
        udp.bind((net.address(1), port))
        udp.settimeout(0.1)

        def answer() -> None:
            while not over.is_set():
                try:
                    udp.sendto(b"y", udp.recvfrom(16)[1])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield port
        finally:
            over.set()
            thread.join()


def reaches(host: Machine, way: str, net: Lan, port: int, prefix: str = "") -> bool:
    code = "import socket; " + WAYS[way].format(net.address(1), port)
    return host.run(f"{prefix} python3 -c '{code}'", check=False).status == 0


def in_the_sandbox(host: Machine) -> str:
    """Runs a command under the address rules that the service has."""
    rules = host.show("appliance.service", "IPAddressAllow", "IPAddressDeny")
    assert rules["IPAddressDeny"]
    given = " ".join(f"-p '{name}={value}'" for name, value in rules.items())
    return f"systemd-run --quiet --wait --pipe --collect {given}"


def test_it_was_installed_and_speaks(box: Machine, folder: Path) -> None:
    with door(box, folder).client() as client:
        turn = client.post("/v1/voice/turns", files={"audio": ("probe.flac", PROBE.read_bytes())})
    assert turn.status_code == 200
    assert len(turn.content) > 10_000


@pytest.mark.parametrize("way", WAYS)
def test_nothing_gets_out(box: Machine, gap: Lan, way: str) -> None:
    """Neither past the packet filter, nor out of the service where there is none."""
    with world_outside(gap) as port:
        assert not reaches(box, way, gap, port), "root gets past the packet filter"
        assert not reaches(box, way, gap, port, in_the_sandbox(box))
        box.run("nft list ruleset > /run/kept.nft; nft flush ruleset")
        try:
            assert reaches(box, way, gap, port), "without the filter there is a way: otherwise this shows nothing"
            assert not reaches(box, way, gap, port, in_the_sandbox(box)), "the service gets out"
        finally:
            box.run("nft -f /run/kept.nft")
