"""Satellites that the box calls itself: they are servers, and begin a pipeline once somebody is there to serve it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
from wyoming.ping import Ping
from wyoming.satellite import RunSatellite

from appliance import metrics
from appliance.logs import logger, place_of
from appliance.wyoming.line import Line

if TYPE_CHECKING:
    from appliance.wyoming.about import About
    from appliance.wyoming.admission import Admission

log = logger(__name__)

CONNECT_SECONDS: Final = 10.0
PING_SECONDS: Final = 10.0
LOST_SECONDS: Final = 35.0
"""Without any event: three pings, and no answer to any."""
FIRST_SECONDS: Final = 1.0
"""Before a satellite that is away is called again; each time twice as long …"""
LONGEST_SECONDS: Final = 30.0
"""… up to this."""


async def keep_called(address: str, admission: Admission, about: About, patience: float) -> None:
    """Serve the satellite at host:port, and call it again whenever it is away, until cancelled."""
    wait, told = FIRST_SECONDS, False
    while True:
        try:
            if await _call(address, admission, about, patience):
                wait, told = FIRST_SECONDS, False
        except (OSError, TimeoutError) as error:
            if not told:  # once, however long it is away
                log.warning("satellite does not answer", satellite=address, **place_of(error))
            told = True
        except Exception as error:  # noqa: BLE001 - one satellite's fault must not be the others'
            log.error("satellite's line failed", satellite=address, **place_of(error))
        await anyio.sleep(wait)
        wait = min(2 * wait, LONGEST_SECONDS)


async def _call(address: str, admission: Admission, about: About, patience: float) -> bool:
    """One connection, from its beginning to its end; whether there was one."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    with anyio.fail_after(CONNECT_SECONDS):
        stream = await anyio.connect_tcp(host, int(port))
    log.info("satellite answers", satellite=address)
    async with stream:
        line = Line(stream, host, admission, about, patience, idle_seconds=LOST_SECONDS)
        with metrics.WYOMING_NOW.labels("satellite").track_inprogress():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_ping, line)
                line.put(RunSatellite().event())
                await line.serve()
                tasks.cancel_scope.cancel()
    log.info("satellite is gone", satellite=address)
    return True


async def _ping(line: Line) -> None:
    while True:
        await anyio.sleep(PING_SECONDS)
        line.put(Ping().event())
