"""Who uses the folder of the database: any number share it, and whoever switches the file has it alone.

The lock is on the folder itself: it is there before the file and stays when the file is switched, and nothing is made
that could belong to the wrong user. The kernel drops it with its holder, so nothing stale can remain.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.store.faults import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Use:
    """One user's share in `folder`, which has to be there when it begins."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle: int | None = None

    def begin(self) -> None:
        """Keep the file from being switched until `end`. Raises `StoreError` while it is being switched."""
        if self._handle is not None:
            return
        handle = _locked(self._folder, fcntl.LOCK_SH)
        if handle is None:
            raise StoreError(f"{self._folder}: a backup is being restored here; start again when it is done")
        self._handle = handle

    def end(self) -> None:
        """Share it no more."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


@contextmanager
def shared(folder: Path) -> Iterator[None]:
    """A share for as long as the block lasts. Raises `StoreError`, see `Use.begin`."""
    use = Use(folder)
    use.begin()
    try:
        yield
    finally:
        use.end()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else has the database open through `Database`. Raises `StoreError` if somebody has."""
    handle = _locked(folder, fcntl.LOCK_EX)
    if handle is None:
        raise StoreError(f"{folder}: the appliance runs on this database; stop it first")
    try:
        yield
    finally:
        os.close(handle)


def _locked(folder: Path, how: int) -> int | None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    return handle
