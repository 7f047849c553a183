"""Satellites that the box calls itself: they are servers, and begin a pipeline once somebody is there to serve it."""

from __future__ import annotations

import socket
from math import inf
from typing import TYPE_CHECKING, Final

import anyio
from anyio.abc import SocketAttribute
from wyoming.satellite import RunSatellite

from appliance import metrics
from appliance.logs import logger, place_of
from appliance.wyoming.line import Line

if TYPE_CHECKING:
    from appliance.wyoming.about import About
    from appliance.wyoming.admission import Admission

log = logger(__name__)

CONNECT_SECONDS: Final = 10.0
LOST_SECONDS: Final = 30
"""After which one whose machine is gone is missed. Its kernel is asked, since not every satellite answers a ping."""
FIRST_SECONDS: Final = 1.0
"""Before a satellite that is away is called again; each time twice as long …"""
LONGEST_SECONDS: Final = 30.0
"""… up to this."""
STAYED_SECONDS: Final = 30.0
"""One that hangs up sooner has another server, perhaps, and is not called at once again."""


async def keep_called(address: str, admission: Admission, about: About, patience: float) -> None:
    """Serve the satellite at host:port, and call it again whenever it is away, until cancelled."""
    wait, told = FIRST_SECONDS, False
    while True:
        called = anyio.current_time()
        try:
            await _call(address, admission, about, patience)
            if anyio.current_time() - called >= STAYED_SECONDS:
                wait, told = FIRST_SECONDS, False
            elif not told:
                log.warning("satellite hangs up at once", satellite=address)
                told = True
        except (OSError, TimeoutError) as error:
            if not told:  # once, however long it is away
                log.warning("satellite does not answer", satellite=address, **place_of(error))
            told = True
        except Exception as error:  # noqa: BLE001 - one satellite's fault must not be the others'
            log.error("satellite's line failed", satellite=address, **place_of(error))
        await anyio.sleep(wait)
        wait = min(2 * wait, LONGEST_SECONDS)


async def _call(address: str, admission: Admission, about: About, patience: float) -> None:
    """One connection, from its beginning to its end."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    with anyio.fail_after(CONNECT_SECONDS):
        stream = await anyio.connect_tcp(host, int(port))
    log.debug("satellite answers", satellite=address)
    async with stream:
        _missed_when_gone(stream.extra(SocketAttribute.raw_socket))  # noqa: S610 - a name of anyio's
        line = Line(stream, host, admission, about, patience, idle_seconds=inf)
        with metrics.WYOMING_NOW.labels("satellite").track_inprogress():
            line.put(RunSatellite().event())
            await line.serve()
    log.debug("satellite is gone", satellite=address)


def _missed_when_gone(connection: socket.socket) -> None:
    """Have the kernels ask each other: both ends of a connection that nothing is said on may be far apart by now."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", LOST_SECONDS // 2), ("TCP_KEEPINTVL", LOST_SECONDS // 6), ("TCP_KEEPCNT", 3)):
        if (option := getattr(socket, name, None)) is not None:  # as far as the system has them
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
