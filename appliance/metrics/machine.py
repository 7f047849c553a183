"""The machine that the box runs on: psutil, five small files of /proc."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import psutil

from appliance.metrics.families import Family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

MODES: Final = ("user", "system", "idle", "iowait", "steal")
INSIDE: Final = ("guest", "guest_nice")
"""Counted within other modes already."""

CPU: Final = Family("counter", "appliance_host_cpu_seconds_total", "Time of all cores.", ("mode",))
LOAD: Final = Family("gauge", "appliance_host_load", "Processes that run or wait to.", ("minutes",))
CORES: Final = Family("gauge", "appliance_host_cores", "Cores, as the system counts them.")
MEMORY: Final = Family("gauge", "appliance_host_memory_bytes", "Memory.", ("kind",))
SWAP: Final = Family("gauge", "appliance_host_swap_bytes", "Swap space.", ("kind",))
BOOTED: Final = Family("gauge", "appliance_host_boot_timestamp_seconds", "When the machine was started.")

FAMILIES: Final = (CPU, LOAD, CORES, MEMORY, SWAP, BOOTED)


def look() -> Iterator[Metric]:
    """As it is now."""
    times = psutil.cpu_times()._asdict()
    known = {mode: times.pop(mode, 0.0) for mode in MODES}
    other = sum(seconds for mode, seconds in times.items() if mode not in INSIDE)
    yield CPU.each([((mode,), seconds) for mode, seconds in {**known, "other": other}.items()])
    yield LOAD.each([((minutes,), load) for minutes, load in zip(("1", "5", "15"), os.getloadavg(), strict=True)])
    yield CORES.of(os.cpu_count() or 1)
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    yield MEMORY.each([(("total",), memory.total), (("available",), memory.available)])
    yield SWAP.each([(("total",), swap.total), (("used",), swap.used)])
    yield BOOTED.of(psutil.boot_time())
