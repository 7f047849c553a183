"""The service manager's end of the line: a socket that receives what it is told."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_SECONDS = 20


class Manager:
    """At `address`, as NOTIFY_SOCKET has it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._line.settimeout(PATIENCE_SECONDS)

    def lines(self) -> list[str]:
        """Those of the next message."""
        return self._line.recv(65_536).decode().split("\n")

    def until(self, line: str) -> list[str]:
        """All lines up to this one."""
        heard: list[str] = []
        while line not in heard:
            heard += self.lines()
        return heard

    def silent(self) -> bool:
        """Whether nothing more was said so far."""
        self._line.setblocking(False)
        try:
            self._line.recv(65_536)
        except BlockingIOError:
            return True
        finally:
            self._line.settimeout(PATIENCE_SECONDS)
        return False

    def close(self) -> None:
        """Nobody listens any more."""
        self._line.close()


@contextmanager
def manager(folder: Path) -> Iterator[Manager]:
    """One with an address in this folder."""
    made = Manager(str(folder / "notify"))
    try:
        yield made
    finally:
        made.close()
