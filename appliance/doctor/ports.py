"""Who listens at the address of the socket unit, or of the settings: we, systemd for us, somebody else, or nobody."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

from appliance.doctor.check import Check, fault, note, ok, skipped
from appliance.doctor.ground import WYOMING_SOCKET, whoami

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.doctor.ground import Ground

EVERYWHERE: Final = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}  # noqa: S104 - compared, not listened on


@dataclass(frozen=True, slots=True)
class _Place:
    """Where somebody has to listen. `setting` has its port; `opens` are commands for a box as provisioned."""

    name: str
    host: str
    port: int
    setting: str
    opens: str


def checks(ground: Ground) -> Iterator[Check]:
    """By the kernel's own table."""
    if ground.known or ground.socket is not None:
        own = "ListenStream= of appliance.socket" if ground.socket else "http.port"
        start = "`systemctl start appliance.socket appliance.service`"
        yield _look(ground, _Place("port", *ground.listens, own, start))
    else:
        yield skipped("port", "the address is in the settings")
    if ground.known and ground.settings.wyoming.enabled:
        own = f"ListenStream= of {WYOMING_SOCKET}" if ground.door else "wyoming.port"
        again = "`systemctl stop appliance.service appliance.socket`, then `systemctl start appliance.service`."
        yield _look(ground, _Place("wyoming port", *ground.wyoming, own, again))


def _look(ground: Ground, place: _Place) -> Check:
    name, host, port = place.name, place.host, place.port
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if port == 0:
        return skipped(name, f"{place.setting} is 0: a free one is taken at each start")
    found = [pid for pid, address in _listening(port) if _covers(host, address)]
    if not found:
        if ground.provisioned:
            return fault(name, f"{where}: nobody listens", place.opens)
        return note(name, f"{where}: nobody listens", "`appliance serve`, if it should run.")
    if strangers := [pid for pid in found if pid is not None and not _ours(pid)]:
        pid = strangers[0]
        do = f"End that program, or give one of the two another port ({place.setting})."
        return fault(name, f"{where}: another program listens, {_name(pid)} (process {pid})", do)
    if None in found:
        return note(name, f"{where}: somebody listens; {whoami()} may not see who, root may")
    who = "systemd, for the appliance" if 1 in found else "the appliance"
    return ok(name, f"{where}: {who} listens")


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
