"""The doctor's rounds: every family at once, each in a thread with a deadline; none waits for or falls with another.

The threads are daemons: what hangs in the kernel (a dead network disk, a lost card) cannot be ended, only left behind.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from appliance.doctor import (
    backups,
    clock,
    configuration,
    database,
    gpu,
    models,
    permissions,
    ports,
    room,
    server,
    tls,
    units,
    versions,
    wyoming,
)
from appliance.doctor.check import ORDER, Check, fault, skipped, warning
from appliance.doctor.ground import whoami
from appliance.doctor.redaction import redacted
from appliance.logs import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from appliance.doctor.ground import Ground


@dataclass(frozen=True, slots=True)
class Family:
    """Checks that belong together. After `seconds`, or `deep_seconds` of a deep look, what it has not said is lost.

    Most are done in a moment, but on a slow box all of them and a spoken turn at once are not.
    """

    name: str
    checks: Callable[[Ground], Iterator[Check]]
    seconds: float = 30.0
    deep_seconds: float = 60.0


FAMILIES: Final = (
    Family("settings", configuration.checks),
    Family("versions", versions.checks),
    Family("server", server.checks, 105.0, 105.0),
    Family("units", units.checks),
    Family("ports", ports.checks),
    Family("wyoming", wyoming.checks),
    Family("tls", tls.checks),
    Family("gpu", gpu.checks, 60.0, 60.0),
    Family("room", room.checks),
    Family("permissions", permissions.checks),
    Family("clock", clock.checks),
    Family("models", models.checks, deep_seconds=1800.0),
    Family("database", database.checks, 45.0, 1800.0),
    Family("backups", backups.checks, deep_seconds=1800.0),
)


@dataclass(slots=True)
class _Visit:
    family: Family
    found: list[Check] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self, ground: Ground) -> None:
        try:
            for check in self.family.checks(ground):
                self.found.append(check)
        except PermissionError as error:
            where = f"{error.filename}: " if error.filename else ""
            self.found.append(skipped(self.family.name, f"{where}may not be seen by {whoami()}; ask again as root"))
        except Exception as error:  # noqa: BLE001 - one family that fails is told beside what the others found
            place = place_of(error)
            seen = f"the check itself failed: {place['error']} at {place['at'].partition(' < ')[0]}"
            self.found.append(warning(self.family.name, seen, "Look at it by hand, and report this line."))
        finally:
            self.ended.set()


def rounds(ground: Ground, families: Sequence[Family] = FAMILIES) -> list[Check]:
    """All that was found, worst first, and in the order of the families. Nothing in it is secret."""
    began, visits = time.monotonic(), [_Visit(family) for family in families]
    for visit in visits:
        threading.Thread(target=visit.run, args=(ground,), name=visit.family.name, daemon=True).start()
    found: list[Check] = []
    for visit in visits:
        seconds = visit.family.deep_seconds if ground.deep else visit.family.seconds
        ended = visit.ended.wait(max(0.0, began + seconds - time.monotonic()))
        found += list(visit.found)
        if not ended:
            seen = f"gave no answer within {seconds:g} s: what it looks at hangs, or the machine is overloaded"
            found.append(fault(visit.family.name, seen, "See `dmesg` for a disk or a card that does not answer."))
    safe = [Check(check.name, check.outcome, redacted(check.seen), redacted(check.do)) for check in found]
    return sorted(safe, key=lambda check: ORDER.index(check.outcome))
