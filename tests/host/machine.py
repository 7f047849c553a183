"""A Debian host with systemd as its first process, booted in about a second, reached over SSH as in production.

It is a container whose kernel is this machine's: modules, the clock, `kernel.*` settings and the loss of power are not
to be tested here. Everything else, cgroups, namespaces and packet filters among it, is a host's own.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from host.image import ssh_key, tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from host.image import Suite
    from host.lan import Lan

BOOT_SECONDS: Final = 60.0
USUAL_SECONDS: Final = 120.0
OPTIONS: Final = (
    "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "StrictHostKeyChecking=no",
    "-o", "UserKnownHostsFile=/dev/null",
)  # fmt: skip


class Failed(Exception):
    """A command on a host ended with a status that was not wanted."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command on a host said."""

    status: int
    out: str
    err: str


class Machine:
    """One host. `start` and `stop_hard` may follow each other; its disk stays until `remove`."""

    def __init__(
        self, name: str, number: int, suite: Suite, net: Lan, folder: Path, mounts: Sequence[str] = ()
    ) -> None:
        """`folder` gets all that the host writes. `mounts` are lines as `lxc.mount.entry` has them."""
        self.name, self.suite, self.address = name, suite, net.address(number)
        self._net, self._folder = net, folder
        self._home = folder / name
        self._mounts = mounts
        self.wants: dict[str, object] = {}
        """What an inventory says of this host alone."""
        self.key = ""
        """An administrator's key, once somebody has taken it."""
        self._control = folder / f"{name}.ssh"

    def start(self) -> None:
        """Boot, and return when systemd says that all of it runs. Raises `Failed`."""
        self._home.mkdir(parents=True, exist_ok=True)
        delta = self._home / "delta"
        (delta / "etc").mkdir(parents=True, exist_ok=True)
        (delta / "etc/hostname").write_text(f"{self.name}\n")
        (self._home / "config").write_text(self._config(tree(self.suite), delta))
        subprocess.run(
            ["lxc-start", "-P", self._folder, "-n", self.name, "-d", "-o", self._home / "log", "-l", "INFO"],
            check=True, timeout=60,
        )  # fmt: skip
        self._wait_for_ssh()
        state = self.run("systemctl is-system-running --wait", check=False).out.strip()
        if state != "running":
            failed = self.run("systemctl --failed --no-pager", check=False).out
            raise Failed(f"{self.name} is {state!r} after its boot:\n{failed}")

    def _wait_for_ssh(self) -> None:
        until = time.monotonic() + BOOT_SECONDS
        while not self._answers():
            if time.monotonic() > until:
                raise Failed(f"{self.name} did not answer within {BOOT_SECONDS:.0f} s; see {self._home / 'log'}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return self.run("true", check=False, seconds=10, anew=True).status == 0
        except subprocess.TimeoutExpired:  # it takes connections, and is not up to more yet
            return False

    def run(
        self, command: str, *, check: bool = True, given: str | bytes = "", seconds: float = USUAL_SECONDS,
        anew: bool = False,
    ) -> Done:  # fmt: skip
        """Run a shell command as root. Raises `Failed`, unless not asked to `check`. `anew`: over a new connection."""
        told_it = given.encode() if isinstance(given, str) else given
        done = subprocess.run(
            [*self.ssh(anew=anew), command], input=told_it, capture_output=True, timeout=seconds, check=False
        )
        told = Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        if check and told.status != 0:
            raise Failed(f"{self.name}$ {command}\nended with {told.status}\n{told.out[-3000:]}\n{told.err[-3000:]}")
        return told

    def ssh(self, *, anew: bool = False) -> list[str]:
        """The command that runs its next argument there."""
        kept = ("-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-o", f"ControlPath={self._control}")
        patience = "ConnectTimeout=2" if anew else "ConnectTimeout=20"  # `anew` asks whether it is there yet
        return ["ssh", "-i", str(ssh_key()), *OPTIONS, "-o", patience, *(() if anew else kept), f"root@{self.address}"]

    def write(self, path: str, what: str | bytes, mode: str = "0644") -> None:
        """Put a file there."""
        self.run(f"install -D -m {mode} /dev/stdin '{path}'", given=what)

    def read(self, path: str) -> str:
        """A text file of it."""
        return self.fetch(path).decode()

    def fetch(self, path: str) -> bytes:
        """Any file of it."""
        done = subprocess.run([*self.ssh(), f"cat '{path}'"], capture_output=True, timeout=USUAL_SECONDS, check=True)
        return done.stdout

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Properties of a unit, as systemd has them."""
        asked = " ".join(f"-p {name}" for name in names)
        lines = self.run(f"systemctl show {asked} '{unit}'").out.splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def wait(self, command: str, seconds: float = USUAL_SECONDS) -> float:
        """Ask until a command succeeds; how long that took. Raises `Failed`."""
        began = time.monotonic()
        while (done := self.run(command, check=False)).status != 0:
            if time.monotonic() - began > seconds:
                raise Failed(f"{self.name}$ {command}\nhas not succeeded for {seconds:.0f} s\n{done.out}\n{done.err}")
            time.sleep(0.1)
        return time.monotonic() - began

    def stop_hard(self) -> None:
        """All of its processes end at once, the first one with them; what is on its disk stays."""
        subprocess.run(
            ["lxc-stop", "-P", self._folder, "-n", self.name, "-k"], check=False, timeout=60, capture_output=True
        )
        subprocess.run([*self.ssh()[:-1], "-O", "exit", self.address], check=False, capture_output=True, timeout=10)
        self._control.unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop it and forget its disk."""
        self.stop_hard()
        shutil.rmtree(self._home, ignore_errors=True)

    def _config(self, root: Path, delta: Path) -> str:
        lines = [
            "lxc.include = /usr/share/lxc/config/common.conf",
            f"lxc.uts.name = {self.name}",
            f"lxc.rootfs.path = overlayfs:{root}:{delta}",
            # An own network namespace each time: what a firewall forgets over a reboot is really gone.
            "lxc.net.0.type = veth",
            f"lxc.net.0.link = {self._net.bridge}",
            "lxc.net.0.flags = up",
            "lxc.net.0.name = eth0",
            # The same over reboots: else a neighbour goes on asking the card that is gone, for up to a minute.
            f"lxc.net.0.hwaddr = 02:00:{':'.join(f'{int(part):02x}' for part in self.address.split('.'))}",
            f"lxc.net.0.ipv4.address = {self.address}/24",
            f"lxc.net.0.ipv4.gateway = {self._net.address(1)}",
            "lxc.apparmor.profile = unconfined",
            "lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed:force",  # without `force` CPUQuota is not enforced
            "lxc.cgroup.relative = 1",
            *(f"lxc.mount.entry = {line}" for line in self._mounts),
        ]
        return "\n".join(lines) + "\n"


@contextmanager
def machine(
    name: str, number: int, suite: Suite, net: Lan, folder: Path, mounts: Sequence[str] = ()
) -> Iterator[Machine]:  # fmt: skip
    """A host that runs for as long as the block lasts."""
    host = Machine(name, number, suite, net, folder, mounts)
    try:
        host.start()
        yield host
    finally:
        host.remove()
