"""What a process that reads a hostile file gives up, for good and before its first look at it.

It may not open anything: no file, no socket. It may start nothing, write to no file, and take no more memory and time
than it was given. It is the last to get the processor and the first to be killed when memory is short.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import sys
from contextlib import suppress
from importlib.machinery import BuiltinImporter, FrozenImporter
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.knowledge.limits import Limits

NICENESS: Final = 10
PR_SET_PDEATHSIG: Final = 1
PR_SET_NO_NEW_PRIVS: Final = 38


def end_with(parent: int) -> None:
    """End this process when its parent does; at once if it already has."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def confine(limits: Limits) -> Callable[[], int]:
    """Give everything up. Whatever is imported later is not found.

    What comes back tells the largest resident memory so far, in bytes.
    """
    peak = _peak()
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter]  # others would fail with errors that no importer expects
    os.nice(NICENESS)
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime + limits.seconds)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        with suppress(OSError):  # some containers forbid it
            Path("/proc/self/oom_score_adj").write_text("1000")
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + limits.memory)
    _lower(resource.RLIMIT_CPU, seconds)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NPROC, 0)
    _lower(resource.RLIMIT_NOFILE, 0)
    return peak


def _peak() -> Callable[[], int]:
    if sys.platform != "linux":
        return lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # what getrusage says there includes the parent's memory
    status = os.open("/proc/self/status", os.O_RDONLY)
    return lambda: int(os.pread(status, 4096, 0).partition(b"VmHWM:")[2].split()[0]) * 1024


def _lower(which: int, to: int) -> None:
    """Both limits, so that it cannot be taken back; a lower one stays."""
    _, hard = resource.getrlimit(which)
    to = to if hard == resource.RLIM_INFINITY else min(to, hard)
    resource.setrlimit(which, (to, to))
