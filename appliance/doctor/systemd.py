"""What systemd says of units, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.doctor.child import Unanswered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from appliance.doctor.child import Ask
    from appliance.doctor.ground import Ground

SECONDS: Final = 8.0
PROPERTIES: Final = (
    "Id", "LoadState", "ActiveState", "SubState", "Result", "NRestarts", "WatchdogUSec", "ExecMainStatus",
    "ExecMainExitTimestamp",
)  # fmt: skip
Unit = dict[str, str]


class NoSystemd(Exception):
    """This machine was not started by systemd, or it does not answer; the message says which."""


def show(ground: Ground, units: Sequence[str]) -> dict[str, Unit]:
    """Properties of units by their name, also of those that there are not (LoadState). Raises `NoSystemd`."""
    if not (ground.places.root / "run/systemd/system").is_dir():
        raise NoSystemd("this machine does not run systemd")
    try:
        answer = ground.ask(("systemctl", "show", f"--property={','.join(PROPERTIES)}", *units), SECONDS)
    except Unanswered as error:
        raise NoSystemd(str(error)) from error
    if answer.code:
        raise NoSystemd("systemctl cannot reach systemd")
    found: dict[str, Unit] = {}
    for block in answer.out.split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in unit:
            found[unit["Id"]] = unit
    return found


def told(root: Path, ask: Ask, field: str, unit: str) -> str:
    """One property of a unit as systemctl prints it; empty where it does not answer."""
    if not (root / "run/systemd/system").is_dir():
        return ""
    try:
        return ask(("systemctl", "show", "--value", "-p", field, unit), SECONDS).out
    except Unanswered:
        return ""


def there(unit: Unit | None) -> bool:
    """Whether the unit is installed."""
    return unit is not None and unit.get("LoadState") not in (None, "not-found")


def last(unit: Unit) -> str:
    """When a oneshot's last run ended, in words; empty if it has not run since the start of the machine."""
    return unit.get("ExecMainExitTimestamp", "").replace("n/a", "")
