"""Who is told how far a backup is."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """A terminal, or nobody."""

    def say(self, text: str) -> None:
        """One line."""
        ...

    def progress(self, what: str, done: int, total: int | None) -> None:
        """How far `what` has come, in bytes."""
        ...
