"""A change of nothing that matters, to see that the writer gets on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database as Tables


def touch(tables: Tables) -> None:
    """Change the file's user version, which nobody reads: it has to reach the disk as any other change."""
    (now,) = tables.conn.execute("PRAGMA user_version").fetchone()
    tables.conn.execute(f"PRAGMA user_version = {0 if now else 1}")
