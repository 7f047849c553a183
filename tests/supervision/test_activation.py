"""Sockets from the service manager, in a process of its own: descriptors are numbers there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from appliance.supervision.activation import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TAKES = """
import os
from appliance.supervision.activation import ActivationError, given_sockets, shown
try:
    taken = given_sockets()
except ActivationError as error:
    print(error)
else:
    sockets = (*taken.http, *taken.wyoming)
    print(*(shown(each) for each in taken.http), *(shown(each, "tcp") for each in taken.wyoming),
          *(os.get_inheritable(each.fileno()) for each in sockets))
print([name for name in os.environ if name.startswith("LISTEN_")])
"""


HANDS_OVER = """
import fcntl, os, sys
pid, fds, names, *command = sys.argv[1:]
above = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in fds.split(",")]
for number, fd in enumerate(above):
    os.dup2(fd, 3 + number)
os.environ |= {"LISTEN_PID": pid or str(os.getpid()), "LISTEN_FDS": str(len(above)), "LISTEN_FDNAMES": names}
os.execv(command[0], command)
"""
"""What systemd does before it starts a service."""


def handed_over(
    *fds: int, command: Sequence[str] = (sys.executable, "-c", TAKES), pid: str = "", names: str = "http"
) -> list[str]:
    """What a process prints that is given these descriptors from 3 on."""
    given = [sys.executable, "-c", HANDS_OVER, pid, ",".join(map(str, fds)), names, *command]
    done = subprocess.run(given, pass_fds=fds, capture_output=True, text=True, timeout=60, check=False)
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


def test_sockets_are_taken_and_nobody_else_takes_them(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "s"))
        other.listen()
        said = handed_over(one.fileno(), other.fileno())
        assert said == [f"{shown(one)} unix:{tmp_path}/s False False", "[]"]


def test_each_goes_to_the_door_that_it_is_named_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        said = handed_over(one.fileno(), other.fileno(), names="wyoming:http")
        assert said == [f"{shown(other)} {shown(one, 'tcp')} False False", "[]"]


def test_those_of_another_process_are_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        assert handed_over(one.fileno(), pid="1") == ["", "[]"]


def test_what_does_not_listen_is_refused() -> None:
    with socket.socket() as idle, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        idle.bind(("127.0.0.1", 0))
        for each in (idle, datagrams):
            assert handed_over(each.fileno())[0] == "LISTEN_FDS: descriptor 3 is no listening stream socket."
    with open(os.devnull) as file:  # noqa: PTH123 - a descriptor is all that is wanted
        assert handed_over(file.fileno())[0].startswith("LISTEN_FDS: descriptor 3 is no socket")


@pytest.mark.parametrize(
    ("given", "said"), [("--port 8080", "systemd hands over the socket"), ("--open", "refused on 0.0.0.0")]
)
def test_serve_minds_where_the_socket_listens(given: str, said: str, tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as one:  # noqa: S104 - what is refused
        command = [sys.executable, "-m", "appliance", "serve", "--state-dir", str(tmp_path), *given.split()]
        assert any(said in line for line in handed_over(one.fileno(), command=command))
