"""What there is to know of a folder before something is put into it, whether it is there yet or not."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from appliance.errors import Conflict

if TYPE_CHECKING:
    from pathlib import Path


def free_bytes(folder: Path) -> int | None:
    """Room on its disk; None if nobody can tell."""
    try:
        return shutil.disk_usage(_there(folder)).free
    except OSError:
        return None


def writable(folder: Path) -> bool:
    """Whether the service may write into it."""
    return os.access(_there(folder), os.W_OK | os.X_OK)


def check_writable(folder: Path, instead: str) -> None:
    """Raise `Conflict`, with what to do `instead`, if the service may not write into a folder."""
    if not writable(folder):
        raise Conflict(f"{folder}: the service may not write here. {instead}", code="not_here")


def _there(folder: Path) -> Path:
    """It, or the nearest folder above it that is there."""
    folder = folder.absolute()
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)
