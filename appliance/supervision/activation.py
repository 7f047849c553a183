"""Sockets that the service manager opened and hands over, by the protocol of sd_listen_fds(3).

The manager keeps its own copy, so that clients can connect, and wait, while the service is started again.
https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import MutableMapping

FIRST: Final = 3
"""Descriptor of the first one; the others follow."""


class ActivationError(Exception):
    """What was handed over cannot be listened to; the message says why."""


def given_sockets(environ: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """Listening sockets meant for this process; empty if there are none. Raises `ActivationError`.

    They are taken out of the environment and are not inherited, so that no child takes them for its own.
    """
    count, pid = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    environ.pop("LISTEN_FDNAMES", None)
    if not count.isdigit() or pid != str(os.getpid()):
        return []
    return [_listener(fd) for fd in range(FIRST, FIRST + int(count))]


def _listener(fd: int) -> socket.socket:
    try:
        os.set_inheritable(fd, False)
        given = socket.socket(fileno=fd)
        listens = given.type == socket.SOCK_STREAM and given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ActivationError(f"LISTEN_FDS: descriptor {fd} is no socket ({error.strerror}).") from error
    if not listens or given.family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        raise ActivationError(f"LISTEN_FDS: descriptor {fd} is no listening stream socket.")
    return given


def shown(listener: socket.socket) -> str:
    """Where a socket is reached, for people."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{name}"
    host, port = name[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
