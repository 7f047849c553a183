"""How a long job tells the one who waits what it is doing."""

from __future__ import annotations

from typing import Protocol


class Listener(Protocol):
    """Implemented by the command line, and by tests."""

    def say(self, text: str) -> None:
        """Take one line of news."""

    def progress(self, what: str, done: int, total: int | None) -> None:
        """`done` of `total` bytes of `what` are here; the last call of a download has `done == total`."""
