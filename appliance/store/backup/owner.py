"""Whose files are that root makes for the user of the service."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def give(path: Path, like: Path) -> None:
    """Give a file or folder to the owner of `like`, where root works; anybody else's are their own."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
