"""A network for test hosts: a bridge, and a way out of it that can be left out."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

FORWARDING: Final = Path("/proc/sys/net/ipv4/ip_forward")
INTERFACES: Final = Path("/sys/class/net")
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Lan:
    """Addresses `prefix`.1 (this machine) to .254 on one bridge."""

    bridge: str
    prefix: str

    def address(self, number: int) -> str:
        """Of a host, by its number from 2 on."""
        return f"{self.prefix}.{number}"


@contextmanager
def lan(*, way_out: bool = True) -> Iterator[Lan]:
    """A network for as long as the block lasts. Without a `way_out` its hosts reach nothing beyond it."""
    net = _free(way_out=way_out)
    _run("ip", "link", "add", net.bridge, "type", "bridge")
    try:
        _run("ip", "address", "add", f"{net.address(1)}/24", "dev", net.bridge)
        _run("ip", "link", "set", net.bridge, "up")
        _filter(net, way_out=way_out)
        if way_out and FORWARDING.read_text().strip() != "1":
            FORWARDING.write_text("1")
        yield net
    finally:
        _run("nft", "delete", "table", "ip", net.bridge, check=False)
        _run("ip", "link", "delete", net.bridge)


@contextmanager
def beside(net: Lan, number: int) -> Iterator[str]:
    """One more address of this machine in that network; no host has it."""
    _run("ip", "address", "add", f"{net.address(number)}/32", "dev", net.bridge)
    try:
        yield net.address(number)
    finally:
        _run("ip", "address", "delete", f"{net.address(number)}/32", "dev", net.bridge)


def _free(*, way_out: bool) -> Lan:
    """One whose bridge nobody has: another run's, or what a killed one has left."""
    for number in range(os.getpid(), os.getpid() + MOST):
        net = Lan(f"br-h{number % MOST}{'' if way_out else 'x'}", f"10.{213 if way_out else 214}.{number % MOST}")
        if not (INTERFACES / net.bridge).exists():
            return net
    raise OSError(f"there are {MOST} bridges of tests already")


def _filter(net: Lan, *, way_out: bool) -> None:
    """Out through this machine by its own address, or nothing beyond it."""
    chain = (
        f"chain out {{ type nat hook postrouting priority 100; "
        f"ip saddr {net.prefix}.0/24 ip daddr != {net.prefix}.0/24 masquerade; }}"
        if way_out
        else f'chain out {{ type filter hook forward priority 0; iifname "{net.bridge}" drop; }}'
    )
    rules = f"table ip {net.bridge}\ndelete table ip {net.bridge}\ntable ip {net.bridge} {{\n{chain}\n}}\n"
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, timeout=30)


def _run(*command: str, check: bool = True) -> None:
    subprocess.run(command, check=check, capture_output=True, timeout=30)
