"""What each directive of a sandbox forbids, as a command that succeeds without it and must fail under it.

The commands run as root of a booted host in a transient unit that has this one directive and nothing else, so that it
is the directive that stops them and not the user's lack of rights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Attempt:
    """A shell command that does what is forbidden, as `user` or else as root. `before` is done outside of the unit."""

    command: str
    user: str = ""
    before: str = ""
    after: str = ""
    """Succeeds outside of the unit, when that has ended, if it could be done."""
    value: str = ""
    """In place of the unit's own value, where that one speaks of other things than the command does."""

    beside: tuple[str, ...] = ()
    """Properties that it has with the directive and without."""

    @property
    def given(self) -> tuple[str, ...]:
        """All properties of its unit but the directive."""
        return (*((f"User={self.user}",) if self.user else ()), *self.beside)


def _python(code: str) -> str:
    return f"python3 -c '{code}'"


def _lacks(capability: int) -> str:
    """Succeeds while the capability could be had."""
    return _python(
        f'import sys; line = next(l for l in open("/proc/self/status") if l.startswith("CapBnd")); '
        f"sys.exit(not int(line.split()[1], 16) >> {capability} & 1)"
    )


CAP_SYSLOG, CAP_WAKE_ALARM = 34, 35

FORBIDDEN: Final[dict[str, Attempt]] = {
    "ProtectSystem": Attempt("touch /etc/attempt && touch /opt/attempt"),
    "ProtectHome": Attempt("ls /root/.ssh"),
    "PrivateTmp": Attempt("cat /tmp/marker", before="touch /tmp/marker"),
    "PrivateDevices": Attempt("test -e /dev/console"),
    "PrivateUsers": Attempt("chown 1:1 /var/marker", before="install -o root /dev/null /var/marker"),
    "PrivateNetwork": Attempt("ip link show eth0"),
    "DynamicUser": Attempt("test $(id -u) = 0"),
    "PrivateIPC": Attempt("ipcs -m | grep -q '64 '", before="ipcs -m | grep -q '64 ' || ipcmk -M 64 > /dev/null"),
    "ProtectProc": Attempt("ls /proc/1", user="nobody"),
    "ProcSubset": Attempt("cat /proc/uptime"),
    "ProtectClock": Attempt(_lacks(CAP_WAKE_ALARM)),
    "ProtectHostname": Attempt("hostname $(hostname)"),
    "ProtectKernelLogs": Attempt(_lacks(CAP_SYSLOG)),
    "ProtectKernelModules": Attempt(
        "cat /usr/lib/modules/marker", before="install -D /dev/null /usr/lib/modules/marker"
    ),
    "ProtectKernelTunables": Attempt("cat /proc/sys/net/ipv4/ip_forward > /proc/sys/net/ipv4/ip_forward"),
    "ProtectControlGroups": Attempt("mkdir /sys/fs/cgroup/systemd/attempt && rmdir /sys/fs/cgroup/systemd/attempt"),
    "NoNewPrivileges": Attempt("grep -q 'NoNewPrivs:.0' /proc/self/status"),
    "CapabilityBoundingSet": Attempt(
        "chown 1:1 /var/marker", before="install -o root /dev/null /var/marker", value="CAP_SETUID"
    ),
    "LockPersonality": Attempt(_python("import ctypes, sys; sys.exit(ctypes.CDLL(None).personality(8) == -1)")),
    "MemoryDenyWriteExecute": Attempt(_python("import mmap; mmap.mmap(-1, 4096, prot=7)")),
    "RestrictAddressFamilies": Attempt(_python("import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)")),
    "RestrictNamespaces": Attempt("unshare -n true"),
    # The kernel here gives nobody real time; that it looks at the priority first shows that it was asked at all.
    "RestrictRealtime": Attempt(
        _python(
            "import ctypes, sys; libc = ctypes.CDLL(None, use_errno=True); "
            "libc.sched_setscheduler(0, 2, ctypes.byref(ctypes.c_int(0))); sys.exit(ctypes.get_errno() != 22)"
        )
    ),
    "RestrictSUIDSGID": Attempt("touch /var/attempt && chmod u+s /var/attempt"),
    "SystemCallFilter": Attempt("mount -t tmpfs none /mnt", value="@system-service"),
    "SystemCallArchitectures": Attempt("/run/elf32"),
    "UMask": Attempt("touch /var/loose && ls -l /var/loose | grep -q '^-rw-r--r--'", before="rm -f /var/loose"),
    "IPAddressDeny": Attempt(
        _python('import socket; socket.create_connection(("192.0.2.1", 22), 2)'),
        before="ip address replace 192.0.2.1/32 dev eth0",
    ),
    "DevicePolicy": Attempt(": < /var/fuse", before="test -e /var/fuse || mknod /var/fuse c 10 229"),
    "RemoveIPC": Attempt(
        "ipcmk -M 96", user="games", after="ipcs -m | grep -q ' games '", before="ipcrm --all=shm 2> /dev/null; true"
    ),
    "LimitCORE": Attempt("test $(ulimit -H -c) != 0"),
    "MemoryMax": Attempt(
        _python("b = bytearray(200 << 20); sum(b[::4096])"),
        value="64M",
        beside=("MemorySwapMax=0",),  # or a machine with swap lends the rest
    ),
    "TasksMax": Attempt(
        _python(
            "import threading as t; e = t.Event(); "
            "[t.Thread(target=e.wait, daemon=True).start() for _ in range(10)]; e.set()"
        ),
        value="4",
    ),
}

OTHERWISE: Final = frozenset((
    # How it is started, watched and ended: shown by starting, killing and freezing it.
    "Type", "NotifyAccess", "ExecStart", "ExecStartPre", "Environment", "WorkingDirectory", "Restart", "RestartSec",
    "WatchdogSec", "TimeoutStartSec", "TimeoutStopSec", "TimeoutAbortSec", "KillMode", "OOMPolicy", "Sockets",
    "SuccessExitStatus",
    # Whose it is and what it is given: the service would not run without.
    "User", "Group", "StateDirectory", "StateDirectoryMode", "ReadWritePaths", "LoadCredential", "Slice",
    # How it shares the machine, not what it may do.
    "Nice", "IOSchedulingClass", "IOSchedulingPriority", "CPUWeight", "IOWeight", "LimitNOFILE", "OOMScoreAdjust",
    # What systemd does anyway; said so that it stays.
    "KeyringMode", "AmbientCapabilities",
    # An exception to a rule, which would let through what the rule's attempt does.
    "IPAddressAllow",
    # An error in place of a signal, for what SystemCallFilter forbids.
    "SystemCallErrorNumber",
))  # fmt: skip
"""Directives that forbid nothing."""

ELF32: Final = bytes.fromhex(
    "7f454c4601010100000000000000000002000300010000005480040834000000000000000000000034002000010000000000000001000000"
    "00000000008004080080040860000000600000000500000000100000"
    "b80100000031dbcd80000000"
)
"""A program for 32 bits that ends with status 0."""
