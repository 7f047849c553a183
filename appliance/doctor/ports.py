"""Who listens at the address of the socket unit, or of the settings: we, systemd for us, somebody else, or nobody."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

import psutil

from appliance.doctor.check import Check, fault, note, ok, skipped
from appliance.doctor.ground import whoami

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.doctor.ground import Ground

EVERYWHERE: Final = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}  # noqa: S104 - compared, not listened on


def checks(ground: Ground) -> Iterator[Check]:
    """By the kernel's own table."""
    if not ground.known and ground.socket is None:
        yield skipped("port", "the address is in the settings")
        return
    host, port = ground.listens
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if port == 0:
        yield skipped("port", "http.port is 0: a free one is taken at each start")
        return
    found = [pid for pid, address in _listening(port) if _covers(host, address)]
    if not found:
        if ground.provisioned:
            yield fault("port", f"{where}: nobody listens", "`systemctl start appliance.socket appliance.service`")
        else:
            yield note("port", f"{where}: nobody listens", "`appliance serve`, if it should run.")
        return
    if strangers := [pid for pid in found if pid is not None and not _ours(pid)]:
        pid = strangers[0]
        own = "ListenStream= of appliance.socket" if ground.socket else "http.port"
        do = f"End that program, or give one of the two another port ({own})."
        yield fault("port", f"{where}: another program listens, {_name(pid)} (process {pid})", do)
    elif None in found:
        yield note("port", f"{where}: somebody listens; {whoami()} may not see who, root may")
    else:
        who = "systemd, for the appliance" if 1 in found else "the appliance"
        yield ok("port", f"{where}: {who} listens")


def _listening(port: int) -> list[tuple[int | None, str]]:
    """Process, where it may be seen, and address of each socket that listens at `port`."""
    return [
        (each.pid, each.laddr.ip)
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.laddr.port == port
    ]


def _covers(host: str, address: str) -> bool:
    """Whether a socket at `address` takes what is meant for `host`, or keeps `host` from being listened on."""
    wanted = "127.0.0.1" if host == "localhost" else host
    return wanted in EVERYWHERE.values() or address in (wanted, *EVERYWHERE.values()) or address == f"::ffff:{wanted}"


def _name(pid: int) -> str:
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return "?"


def _ours(pid: int) -> bool:
    """systemd holds the socket for us; else the command line of `appliance serve`."""
    if pid == 1:
        return True
    try:
        line = psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
    return any(word.rpartition("/")[2] == "appliance" for word in line) and bool({"serve", "demo"} & set(line))
