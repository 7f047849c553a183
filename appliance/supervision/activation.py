"""Sockets that the service manager opened and hands over, by the protocol of sd_listen_fds(3).

The manager keeps its own copy, so that clients can connect, and wait, while the service is started again.
https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import MutableMapping

FIRST: Final = 3
"""Descriptor of the first one; the others follow."""
WYOMING: Final = "wyoming"
"""Name of those that are for Wyoming clients (`FileDescriptorName=`); all others are for HTTP."""


class ActivationError(Exception):
    """What was handed over cannot be listened to; the message says why."""


@dataclass(frozen=True, slots=True)
class Given:
    """Listening sockets, by the door that they are for."""

    http: tuple[socket.socket, ...] = ()
    wyoming: tuple[socket.socket, ...] = ()


def given_sockets(environ: MutableMapping[str, str] = os.environ) -> Given:
    """Sockets meant for this process; none if there are none. Raises `ActivationError`.

    They are taken out of the environment and are not inherited, so that no child takes them for its own.
    """
    count, pid = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if not count.isdigit() or pid != str(os.getpid()):
        return Given()
    found = [(name, _listener(fd)) for fd, name in zip_longest(range(FIRST, FIRST + int(count)), names) if fd]
    return Given(
        http=tuple(each for name, each in found if name != WYOMING),
        wyoming=tuple(each for name, each in found if name == WYOMING),
    )


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


def shown(listener: socket.socket, scheme: str = "http") -> str:
    """Where a socket is reached, for people."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{name}"
    host, port = name[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
