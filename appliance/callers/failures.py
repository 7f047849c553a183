"""Wrong keys cost time: each one from the same address waits longer than the one before. Right ones never wait."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import anyio

from appliance.errors import RateLimited

FIRST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 3.2
FORGIVEN_SECONDS: Final = 600.0
"""An address that has not failed for so long is forgiven."""
MOST_ADDRESSES: Final = 4096
MOST_WAITING: Final = 32
"""More failures at the same time are told at once, and not to come back soon, so that they take up no room."""


NOTED_A_SECOND: Final = 5.0
"""Failures of all addresses that are written down."""


def _network(address: str) -> str:
    """An IPv6 address's first 64 bits: whoever has one has all of the others."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address


class Failures:
    """Failures by address."""

    def __init__(self, now: Callable[[], float] = anyio.current_time) -> None:
        self._now, self._waiting = now, 0
        self._noted = -1.0
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def worth_noting(self, address: str) -> bool:
        """Whether the next failure is written down: the 1st, 2nd, 4th, 8th … of an address, and few a second."""
        times, _ = self._failed.get(_network(address), (0, 0.0))
        now = self._now()
        if (times + 1) & times or now - self._noted < 1 / NOTED_A_SECOND:
            return False
        self._noted = now
        return True

    def cost(self, address: str) -> float:
        """Count a failure; the seconds that it takes."""
        address = _network(address)
        times, last = self._failed.pop(address, (0, self._now()))
        if self._now() - last > FORGIVEN_SECONDS:
            times = 0
        self._failed[address] = times + 1, self._now()
        while len(self._failed) > MOST_ADDRESSES:
            self._failed.popitem(last=False)
        return float(min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(times, 10)))

    async def slow_down(self, address: str) -> None:
        """Count a failure, and take its time. Raises `RateLimited` where too many wait already."""
        seconds = self.cost(address)
        if self._waiting >= MOST_WAITING:
            raise RateLimited("Too many wrong keys.", retry_after=int(LONGEST_SECONDS) + 1)
        self._waiting += 1
        try:
            await anyio.sleep(seconds)
        finally:
            self._waiting -= 1
