"""The box makes itself known in its network: Home Assistant finds it by DNS-SD (RFC 6763) over mDNS (RFC 6762)."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final
from uuid import getnode

import anyio
import psutil
from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from appliance.logs import logger, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logger(__name__)

SERVICE: Final = "_wyoming._tcp.local."
LOOK_SECONDS: Final = 30.0
"""Between two looks at the machine's addresses: a cable may be put in later, and a lease may end."""
LEAVE_SECONDS: Final = 3.0
"""For saying that it is gone."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Where a socket listens; `both`: an IPv6 address that IPv4 clients reach too."""

    address: IPv4Address | IPv6Address
    port: int
    both: bool = False

    @property
    def reached_at(self) -> set[str]:
        """Its own address or, where that is any, all of the machine's but loopback."""
        if not self.address.is_unspecified:
            return {str(self.address)}
        return {text for text in _machines() if self._reaches(ip_address(text))}

    def _reaches(self, address: IPv4Address | IPv6Address) -> bool:
        near = address.is_loopback or address.is_link_local
        return not near and (self.both or address.version == self.address.version)


async def keep_known(name: str, sockets: Sequence[socket.socket]) -> None:
    """Announce these sockets, at the addresses that they can be reached at by now, until cancelled."""
    where, told = bound(sockets), False
    while where:
        try:
            await _announce(name, where)
            told = False
        except Exception as error:  # noqa: BLE001 - a network that comes and goes must not end the box
            if not told:  # once, however long there is no network
                log.warning("not announced in the network", **place_of(error))
            told = True
        await anyio.sleep(LOOK_SECONDS)


async def _announce(name: str, where: Sequence[Bound]) -> None:
    """For as long as the addresses stay."""
    at = addresses(where)
    if not at:
        return
    port = where[0].port
    info = AsyncServiceInfo(
        SERVICE, f"{name}.{SERVICE}", parsed_addresses=sorted(at), port=port, server=f"{name}-{getnode():x}.local."
    )
    mixed = any(":" in each for each in at)
    found = AsyncZeroconf(interfaces=sorted(at), ip_version=IPVersion.All if mixed else IPVersion.V4Only)
    try:
        await found.async_register_service(info, allow_name_change=True)
        log.info("announced in the network", service=SERVICE, port=port, addresses=len(at))
        while addresses(where) == at:  # noqa: ASYNC110 - nobody tells of a new address
            await anyio.sleep(LOOK_SECONDS)
    finally:
        with anyio.move_on_after(LEAVE_SECONDS, shield=True):
            await found.async_unregister_all_services()
            await found.async_close()


def bound(sockets: Sequence[socket.socket]) -> list[Bound]:
    """Where these listen; those in the file system do not."""
    found = []
    for each in sockets:
        if each.family != socket.AF_UNIX:
            host, port = each.getsockname()[:2]
            both = each.family == socket.AF_INET6 and not each.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            found.append(Bound(ip_address(str(host).partition("%")[0]), port, both))
    return found


def addresses(where: Sequence[Bound]) -> frozenset[str]:
    """Where they can be reached by now."""
    return frozenset().union(*(each.reached_at for each in where))


def _machines() -> set[str]:
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    return {
        each.address
        for name, known in psutil.net_if_addrs().items() if name in up
        for each in known if each.family in (socket.AF_INET, socket.AF_INET6) and "%" not in each.address
    }  # fmt: skip
