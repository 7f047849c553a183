"""Whether a long write gets on: seen from outside, as SQLite itself says nothing during a checkpoint or an fsync."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

IO: Final = "/proc/self/task/{thread}/io"
"""Bytes and calls of one thread, as proc(5) has it: it copies pages."""
DISK: Final = "/sys/dev/block/{major}:{minor}/stat"
"""What a block device has done, of Documentation/block/stat.rst in Linux: it takes what an fsync waits for.

Others write there too, so this shows a disk that takes anything, not that it takes ours. File systems of several
devices have no such file.
"""
SECTORS_WRITTEN: Final = 6


class Headway:
    """Of the one thread that writes in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread: int | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """This thread writes for as long as the block lasts."""
        self._thread = threading.get_native_id()
        try:
            yield
        finally:
            self._thread = None

    def seen(self) -> tuple[str, str] | None:
        """Another value than before, if a write that is under way has got on; None if none is."""
        thread = self._thread
        return None if thread is None else (_read(IO.format(thread=thread)), self._sectors())

    def _sectors(self) -> str:
        try:
            device = self._folder.stat().st_dev
        except OSError:
            return ""
        counted = _read(DISK.format(major=os.major(device), minor=os.minor(device))).split()
        return counted[SECTORS_WRITTEN] if len(counted) > SECTORS_WRITTEN else ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # not on Linux, a kernel that does not count, a thread that has ended
        return ""
