"""The clock, judged without a network: it may not be earlier than what is known to have happened."""

from __future__ import annotations

import ctypes
import json
import os
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import appliance
from appliance.doctor.check import Check, fault, note, ok, skipped, warning
from appliance.store.backup import kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.doctor.ground import Ground

LEEWAY: Final = timedelta(minutes=5)
UNSYNCHRONISED: Final = 0x0040
"""`STA_UNSYNC` of adjtimex(2)."""


def checks(ground: Ground) -> Iterator[Check]:
    """Against the build and the newest of what was written, and by what the kernel knows of its own error."""
    yield _against_the_past(ground, datetime.now(UTC))
    yield _synchronised(ground, _adjtimex())


def _against_the_past(ground: Ground, now: datetime) -> Check:
    for what, moment in _past(ground):
        if moment > now + LEEWAY:
            seen = f"it says {now:%Y-%m-%d %H:%M} UTC, which is before {what} ({moment:%Y-%m-%d %H:%M} UTC)"
            do = "Set it: `timedatectl set-time`, or `chronyc makestep`; certificates and keys are judged by it."
            return fault("clock", seen, do)
    return ok("clock", f"{now:%Y-%m-%d %H:%M} UTC, after the build and all that was written here")


def _past(ground: Ground) -> Iterator[tuple[str, datetime]]:
    """What certainly was before now, where it can be seen."""
    program = Path(appliance.__file__)
    yield "this program was installed", _changed(program)
    try:
        made = json.loads((ground.places.opt / "current" / "manifest.json").read_bytes())["made"]
        yield "this release was built", datetime.fromisoformat(str(made)).astimezone(UTC)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    database = ground.settings.database
    for path in (database, database.with_name(f"{database.name}-wal")):
        if os.access(path, os.F_OK):
            yield f"{path.name} was last written", _changed(path)
    try:
        backups = kept.every(ground.backups)
    except OSError:
        return
    if backups:
        yield "the newest backup was made", backups[0].made


def _changed(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _adjtimex() -> tuple[int, float] | None:
    """The kernel's status bits and its greatest error in seconds, or None where it does not say. Changes nothing.

    `struct timex` begins with modes (int), offset, freq, maxerror, esterror (long), status (int).
    """
    buffer = ctypes.create_string_buffer(512)
    try:
        if ctypes.CDLL(None).adjtimex(buffer) < 0:
            return None
    except (OSError, AttributeError):
        return None
    _, _, _, most, _, status = struct.unpack_from("@illlli", buffer)
    return status, most / 1e6


def _synchronised(ground: Ground, found: tuple[int, float] | None) -> Check:
    name = "clock source"
    if found is None:
        return skipped(name, "the kernel does not say whether it is synchronised")
    status, error = found
    if not status & UNSYNCHRONISED:
        return ok(name, f"synchronised, at most {error:.3g} s off")
    do = "`timedatectl` says whether a time service runs; without the internet name a time server of the building."
    if ground.provisioned:
        return warning(
            name, "not synchronised: certificates and keys that expire are judged by a clock that drifts", do
        )
    return note(name, "not synchronised with a time server")
