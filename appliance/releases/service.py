"""The service as systemd has it.

Its socket stays open through all of this, so clients wait. But a client that comes would have systemd start it in the
middle of a change. So a unit is begun that comes before it and does not end: systemd keeps the start waiting meanwhile.
That unit ends by itself, should we be killed.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.releases.faults import Failed, Refused
from appliance.releases.running import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.releases.layout import Layout

SERVICE: Final = "appliance.service"
SOCKET: Final = "appliance.socket"
RECOVER: Final = "appliance-release-recover.service"
BACKUP: Final = "appliance-backup.service"
HOLD: Final = "appliance-release-hold.service"
GUARD: Final = "appliance-release-guard.service"
SECONDS: Final = 30.0
STOP_SECONDS: Final = 300.0
START_SECONDS: Final = 4200.0  # a migration has an hour
HOLD_SECONDS: Final = 14_400.0
"""Longest time in which a start waits for us, beside that for taking the database over."""
BACKUP_SECONDS: Final = 14_400.0
ACTIVE_SECONDS: Final = 60.0
LOG_LINES: Final = 12
STREAM: Final = re.compile(r"(\S+):(\d+) \(Stream\)")
"""An address in what systemd shows as `Listen` of a socket unit."""
ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "*": "127.0.0.1"}  # noqa: S104 - read, not bound


class Service:
    """Of one box. `sleep` waits for seconds."""

    def __init__(self, layout: Layout, sleep: Callable[[float], None] = time.sleep) -> None:
        self._layout, self._sleep = layout, sleep

    def booting(self) -> bool:
        """Whether we are what the service waits for in this start of the box: then it cannot be waited for."""
        return _shown("ActiveState", RECOVER) == "activating"

    def stop(self, *, hold: bool = True, carrying: float = 0.0) -> None:
        """Nothing starts it until `start`; without `hold` that is seen to by whoever calls.

        Nor does a backup begin, and one that is under way is broken off. `carrying` is in seconds, for one time of
        taking the database over.
        """
        if hold:
            self._hold(int(HOLD_SECONDS + 2 * carrying))
        run(["systemctl", "stop", BACKUP], STOP_SECONDS, any_status=True)  # it would keep us from the database
        run(["systemctl", "stop", SERVICE], STOP_SECONDS, any_status=True)  # it may not even be known yet
        if (state := _shown("ActiveState", SERVICE)) not in {"inactive", "failed"}:
            raise Failed(f"{SERVICE} does not stop: it is {state}{self.log()}")

    def _hold(self, seconds: int) -> None:
        run(["systemctl", "stop", HOLD], SECONDS, any_status=True)
        run(
            ["systemd-run", "--quiet", "--no-block", "--collect", f"--unit={HOLD}", "--property=Type=oneshot",
             f"--property=Before={SERVICE}", f"--property=Before={BACKUP}", f"--property=TimeoutStartSec={seconds}",
             "sleep", str(seconds)],
            SECONDS,
        )  # fmt: skip

    def back_up(self) -> str:
        """As the box is set up to, with its own folder, number and keys; empty if there is no unit that does.

        Raises `Failed`.
        """
        if _shown("LoadState", BACKUP) != "loaded":
            return ""
        try:
            run(["systemctl", "start", BACKUP], BACKUP_SECONDS)
        except Failed as failed:
            raise Failed(f"{failed}{self.log(BACKUP)}") from failed
        return f"done by {BACKUP}"

    def start(self) -> None:
        """Until it is active. Raises `Failed` with the last lines of its log."""
        run(["systemctl", "reset-failed", SERVICE, SOCKET], SECONDS, any_status=True)
        run(["systemctl", "stop", HOLD], SECONDS, any_status=True)
        try:
            run(["systemctl", "start", SOCKET, SERVICE], START_SECONDS)
            self._wait_active()
        except Failed as failed:
            raise Failed(f"{failed}{self.log()}") from failed

    def start_later(self) -> None:
        """As soon as we have ended."""
        run(["systemctl", "start", "--no-block", SOCKET, SERVICE], SECONDS)

    def halt(self) -> None:
        """There is no release any more: neither service nor socket."""
        run(["systemctl", "stop", SOCKET, SERVICE], STOP_SECONDS, any_status=True)
        run(["systemctl", "stop", HOLD], SECONDS, any_status=True)

    def guard(self) -> None:
        """Let systemd undo what we have begun if we are killed: it waits for our lock. One that still waits will do."""
        run(
            ["systemd-run", "--quiet", "--no-block", "--collect", f"--unit={GUARD}",
             f"--setenv=PYTHONPATH={Path(__file__).resolve().parents[2]}", sys.executable, "-s", "-P", "-m",
             "appliance.releases", "recover", "--wait", "--root", self._layout.root],
            SECONDS, any_status=True,
        )  # fmt: skip

    def active(self) -> bool:
        """Whether it serves."""
        return _shown("ActiveState", SERVICE) == "active"

    def process(self) -> str:
        """Its main process and how often systemd has restarted it: the same as long as it lives."""
        return f"{_shown('MainPID', SERVICE)} {_shown('NRestarts', SERVICE)}"

    def address(self) -> str:
        """Where it listens, as the start of a URL. Raises `Refused` if that is no address of the network."""
        told = _shown("Listen", SOCKET)
        for host, port in STREAM.findall(told):
            return f"http://{ANY_ADDRESS.get(host, host)}:{port}"
        raise Refused(f"{SOCKET} listens on no address: {told!r}")

    def log(self, unit: str = SERVICE) -> str:
        """Its last lines, each on a line of its own."""
        try:
            said = run(["journalctl", "--no-pager", "-q", "-o", "cat", "-n", str(LOG_LINES), "-u", unit], SECONDS)
        except Failed:
            return ""
        return "".join(f"\n    log: {line}" for line in said.splitlines())

    def _wait_active(self) -> None:
        for _ in range(int(ACTIVE_SECONDS)):
            state = _shown("ActiveState", SERVICE)
            if state == "active":
                return
            if state not in {"activating", "reloading"}:
                raise Failed(f"{SERVICE} is {state}")
            self._sleep(1.0)
        raise Failed(f"{SERVICE} is not active after {ACTIVE_SECONDS:.0f} s")


def _shown(field: str, unit: str) -> str:
    return run(["systemctl", "show", "--value", "-p", field, unit], SECONDS).strip()
