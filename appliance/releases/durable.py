"""Changing files so that after a loss of power there is the old or the new one, and nothing in between."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put `data` at `path`."""
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(handle, mode)  # whatever the umask
        os.fsync(handle)
    aside.replace(path)
    sync(path.parent)


def point(link: Path, target: str) -> None:
    """Let `link` be a symbolic link to `target`."""
    aside = link.with_name(f".{link.name}.new")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target)
    aside.replace(link)
    sync(link.parent)


def remove(path: Path) -> None:
    """Remove a file or a link, if it is there."""
    path.unlink(missing_ok=True)
    sync(path.parent)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all in it, if it is there."""
    if folder.exists():
        shutil.rmtree(folder)
        sync(folder.parent)


def sync(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
