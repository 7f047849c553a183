"""What the service manager is told, by the protocol of sd_notify(3): lines of `NAME=value` in one datagram.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping


@dataclass(frozen=True, slots=True)
class Supervisor:
    """A service manager that wants to be told. Its `address` is a path, or abstract where it begins with `@`."""

    address: str
    watchdog_seconds: float | None = None
    """It ends a service that sends no `WATCHDOG=1` for so long; None: it does not watch."""

    def tell(self, *lines: str) -> bool:
        """Send these lines together; whether they could be sent. Never blocks."""
        name = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as line:
                line.sendto("\n".join(lines).encode(), name)
        except OSError:  # it is busy or gone: neither may end the service
            return False
        return True


def supervisor(environ: MutableMapping[str, str] = os.environ) -> Supervisor | None:
    """Who started this process and wants to be told; taken out of the environment, so that no child speaks too."""
    address, pid = environ.pop("NOTIFY_SOCKET", ""), environ.pop("WATCHDOG_PID", "")
    microseconds = environ.pop("WATCHDOG_USEC", "")
    if not address.startswith(("/", "@")):
        return None
    watched = microseconds.isdigit() and int(microseconds) > 0 and pid in ("", str(os.getpid()))
    return Supervisor(address, int(microseconds) / 1e6 if watched else None)


def status(text: str) -> str:
    """A line that says in one sentence how the service is; `systemctl status` shows it."""
    return "STATUS=" + " ".join(text.split())
