"""What the server and its workers take of the machine: psutil, a few reads of /proc each. Resident memory, as the
proportional one has the kernel walk all pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psutil

from appliance.metrics.families import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.core import Metric

_LABELS: Final = ("process",)
CPU: Final = Family("counter", "appliance_process_cpu_seconds_total", "Time on a core.", _LABELS)
RESIDENT: Final = Family("gauge", "appliance_process_resident_bytes", "Memory in use.", _LABELS)
FILES: Final = Family("gauge", "appliance_process_open_files", "Open files and sockets.", _LABELS)
THREADS: Final = Family("gauge", "appliance_process_threads", "Threads.", _LABELS)
STARTED: Final = Family("gauge", "appliance_process_start_timestamp_seconds", "When it was started.", _LABELS)

FAMILIES: Final = (CPU, RESIDENT, FILES, THREADS, STARTED)


class Processes:
    """`pids` gives those that run now, by name."""

    def __init__(self, pids: Callable[[], Mapping[str, int]]) -> None:
        self._pids = pids
        self._known: dict[int, psutil.Process] = {}

    def look(self) -> Iterator[Metric]:
        """One that ends meanwhile is left out."""
        pids = self._pids()
        self._known = {pid: self._known[pid] for pid in pids.values() if pid in self._known}
        values: dict[Family, list[tuple[tuple[str], float]]] = {family: [] for family in FAMILIES}
        for name, pid in pids.items():
            for family, value in self._of(pid).items():
                values[family].append(((name,), value))
        for family, each in values.items():
            yield family.each(each)

    def _of(self, pid: int) -> dict[Family, float]:
        try:
            process = self._known.get(pid)
            if process is None or not process.is_running():
                process = self._known[pid] = psutil.Process(pid)
            with process.oneshot():
                times = process.cpu_times()
                return {
                    CPU: times.user + times.system,
                    RESIDENT: process.memory_info().rss,
                    FILES: process.num_fds(),
                    THREADS: process.num_threads(),
                    STARTED: process.create_time(),
                }
        except psutil.Error:
            self._known.pop(pid, None)
            return {}
