"""The units of systemd: running, watched, not restarted again and again; timers, and how their last run went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.doctor.check import Check, fault, note, ok, skipped, warning
from appliance.doctor.ground import WYOMING_SOCKET
from appliance.doctor.systemd import NoSystemd, Unit, last, show, there

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.doctor.ground import Ground

SERVICE: Final = "appliance.service"
SOCKET: Final = "appliance.socket"
RECOVER: Final = "appliance-release-recover.service"
TIMED: Final = {
    "backup": "backups are made",
    "verify": "models are read again",
    "synthetic": "the box is spoken to",
}
"""Timers, by the middle of their name, and what happens when they go off."""
MANY_RESTARTS: Final = 3


def checks(ground: Ground) -> Iterator[Check]:
    """By `systemctl show` alone, which anybody may ask."""
    timed = [f"appliance-{name}.{kind}" for name in TIMED for kind in ("timer", "service")]
    try:
        units = show(ground, [SERVICE, SOCKET, WYOMING_SOCKET, RECOVER, *timed])
    except NoSystemd as error:
        yield skipped("units", str(error))
        return
    if not there(units.get(SERVICE)):
        if ground.provisioned:
            yield fault("units", f"{SERVICE} is not installed", "Activate the release again: `appliance-release`.")
        else:
            yield skipped("units", f"{SERVICE} is not installed here")
        return
    yield _service(units[SERVICE])
    if there(socket := units.get(SOCKET)):
        yield _socket(socket or {})
    if ground.known and there(door := units.get(WYOMING_SOCKET)):
        yield from _door(door or {}, wanted=ground.settings.wyoming.enabled)
    if there(recover := units.get(RECOVER)) and (recover or {}).get("ActiveState") == "failed":
        do = f"`journalctl -u {RECOVER}` says why; `appliance-release list` what there is."
        yield fault(RECOVER, "an upgrade was interrupted and could not be undone", do)
    for name, what in TIMED.items():
        yield _timer(f"appliance-{name}", units, what)


def _service(unit: Unit) -> Check:
    state, restarts = unit.get("ActiveState", "?"), int(unit.get("NRestarts") or 0)
    seen = f"{state} ({unit.get('SubState', '?')}), restarted {restarts} times by itself"
    log = f"`journalctl -u {SERVICE} -n 50` says why."
    if state == "failed":
        return fault(SERVICE, f"failed ({unit.get('Result', '?')}), after {restarts} restarts", log)
    if state == "inactive":
        return fault(SERVICE, "is stopped", f"`systemctl start {SERVICE}`")
    if state in ("activating", "reloading", "deactivating"):
        return warning(SERVICE, seen, f"If it stays so: {log}")
    if unit.get("WatchdogUSec") in (None, "", "0", "infinity"):
        return warning(SERVICE, f"{seen}; no watchdog", "A drop-in has switched WatchdogSec= off; remove it.")
    if restarts >= MANY_RESTARTS:
        return warning(SERVICE, seen, log)
    if restarts:
        return note(SERVICE, seen, log)
    return ok(SERVICE, f"{seen}; watchdog {unit['WatchdogUSec']}")


def _socket(unit: Unit) -> Check:
    if (state := unit.get("ActiveState")) != "active":
        do = f"`systemctl start {SOCKET}`; without it connections are refused while the service restarts."
        return fault(SOCKET, f"{state} ({unit.get('Result', '?')})", do)
    return ok(SOCKET, "active")


def _door(unit: Unit, *, wanted: bool) -> Iterator[Check]:
    """The service listens itself where this unit does not; the other way round clients wait for ever."""
    active = unit.get("ActiveState") == "active"
    if wanted and active:
        yield ok(WYOMING_SOCKET, "active")
    elif wanted:
        do = f"`systemctl enable {WYOMING_SOCKET}`, then stop {SERVICE} and {SOCKET}, and start them again."
        yield note(WYOMING_SOCKET, "not active: Wyoming clients are refused while the service is started again", do)
    elif active:
        do = f"`systemctl disable --now {WYOMING_SOCKET}`, or set wyoming.enabled."
        yield warning(WYOMING_SOCKET, "active, and wyoming.enabled is not set: nobody answers who connects", do)


def _timer(stem: str, units: dict[str, Unit], what: str) -> Check:
    timer, service = units.get(f"{stem}.timer"), units.get(f"{stem}.service") or {}
    name = f"{stem}.timer"
    if not there(timer):
        return skipped(name, "is not installed here")
    when = last(service)
    run = f"last run {when}" if when else "not run yet since the machine started"
    if service.get("ActiveState") == "failed" or service.get("Result", "success") != "success":
        seen = f"{run}: failed ({service.get('Result', '?')}, status {service.get('ExecMainStatus', '?')})"
        return fault(name, seen, f"`journalctl -u {stem}.service -n 50` says why.")
    if (timer or {}).get("ActiveState") != "active":
        return warning(name, f"not active, so nothing sees to it that {what}", f"`systemctl enable --now {name}`")
    return ok(name, f"active; {run}")
