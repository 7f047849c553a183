"""What the box holds and takes: memory as PSS over all its processes, and processor time when idle."""

from __future__ import annotations

import time

import psutil


def processes(pid: int) -> list[psutil.Process]:
    """The server and its workers."""
    server = psutil.Process(pid)
    return [server, *server.children(recursive=True)]


def pss_bytes(pid: int) -> int:
    """Proportional set size of all processes; memory that several share counts once."""
    return sum(process.memory_full_info().pss for process in processes(pid))


def cpu_seconds(pid: int) -> float:
    """Processor time that all processes have taken."""
    return sum(sum(process.cpu_times()[:2]) for process in processes(pid))


def idle_share(pid: int, seconds: float) -> float:
    """Share of one core that all processes take together while nobody asks anything."""

    before = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / seconds
