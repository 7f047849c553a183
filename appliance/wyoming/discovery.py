"""The box makes itself known in its network: Home Assistant finds it by DNS-SD (RFC 6763) over mDNS (RFC 6762)."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Final

import anyio
import psutil
from zeroconf import Error, IPVersion
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


async def keep_known(name: str, sockets: Sequence[socket.socket]) -> None:
    """Announce these sockets, at the addresses that they can be reached at by now, until cancelled."""
    told: Exception | None = None
    while True:
        found = addresses(sockets)
        port = next((each.getsockname()[1] for each in sockets if each.family != socket.AF_UNIX), 0)
        try:
            if found:
                await _announce(name, port, found, sockets)
                told = None
        except (OSError, Error) as error:
            if told is None:  # once, however long there is no network
                log.warning("not announced in the network", **place_of(error))
            told = error
        await anyio.sleep(LOOK_SECONDS)


async def _announce(name: str, port: int, at: frozenset[str], sockets: Sequence[socket.socket]) -> None:
    """For as long as the addresses stay."""
    info = AsyncServiceInfo(
        SERVICE, f"{name}.{SERVICE}", parsed_addresses=sorted(at), port=port, server=f"{name}.local."
    )
    mixed = any(":" in each for each in at)
    found = AsyncZeroconf(interfaces=sorted(at), ip_version=IPVersion.All if mixed else IPVersion.V4Only)
    try:
        await found.async_register_service(info, allow_name_change=True)
        log.info("announced in the network", service=SERVICE, port=port, addresses=len(at))
        while addresses(sockets) == at:  # noqa: ASYNC110 - nobody tells of a new address
            await anyio.sleep(LOOK_SECONDS)
    finally:
        with anyio.move_on_after(LEAVE_SECONDS, shield=True):
            await found.async_unregister_all_services()
            await found.async_close()


def addresses(sockets: Sequence[socket.socket]) -> frozenset[str]:
    """Where these can be reached from: their own address or, where that is any, all of the machine's but loopback."""
    found: set[str] = set()
    for each in sockets:
        if each.family == socket.AF_UNIX:
            continue
        own = ipaddress.ip_address(str(each.getsockname()[0]).partition("%")[0])
        if not own.is_unspecified:
            found.add(str(own))
            continue
        both = own.version == 6 and not each.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        found |= {text for text in _machines() if _reaches(ipaddress.ip_address(text), own.version, both=both)}
    return frozenset(found)


def _machines() -> set[str]:
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    return {
        each.address
        for name, known in psutil.net_if_addrs().items() if name in up
        for each in known if each.family in (socket.AF_INET, socket.AF_INET6) and "%" not in each.address
    }  # fmt: skip


def _reaches(address: ipaddress.IPv4Address | ipaddress.IPv6Address, version: int, *, both: bool) -> bool:
    return (both or address.version == version) and not address.is_loopback and not address.is_link_local
