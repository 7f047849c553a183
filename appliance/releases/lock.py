"""One at a time: two upgrades would undo each other."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from appliance.releases.faults import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME: Final = "lock"
POLL_SECONDS: Final = 0.5


@contextmanager
def held(folder: Path, what: str, *, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock; the kernel drops it with its holder. Raises `Refused` with who has it."""
    handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(handle, time.monotonic() + wait_seconds)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{what}, process {os.getpid()}".encode(), 0)
        yield
    finally:
        os.close(handle)


@contextmanager
def folder_alone(folder: Path, *, wait_seconds: float) -> Iterator[None]:
    """Nobody has the database in `folder` open, by the service's own lock on that folder. Raises `Refused`."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        until = time.monotonic() + wait_seconds
        while not _taken(handle):
            if time.monotonic() >= until:
                raise Refused(f"{folder}: somebody still works on the database after {wait_seconds:.0f} s")
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(handle)


def _take(handle: int, until: float) -> None:
    while not _taken(handle):
        if time.monotonic() >= until:
            who = os.pread(handle, 200, 0).decode(errors="replace") or "somebody"
            raise Refused(f"another appliance-release is at work ({who}); wait until it is done")
        time.sleep(POLL_SECONDS)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
