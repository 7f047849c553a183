"""The way back to the release from before, with all that was acknowledged meanwhile."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.releases import data
from appliance.releases.faults import Failed, Refused, Stranded
from appliance.releases.lock import folder_alone
from appliance.releases.programs import carrying_seconds

if TYPE_CHECKING:
    from appliance.releases.box import Box
    from appliance.releases.journal import Journal

WAIT_SECONDS: Final = 1800.0
"""For somebody who works on the database, as a backup by hand does: rather wait than lose what was said."""
TRIES: Final = 3
"""To take the database over, where somebody came between."""


def go_back(box: Box, journal: Journal) -> None:
    """To the release from before, with all that was acknowledged. Safe to repeat, from any step. Raises `Stranded`."""
    undisturbed()
    booting, old = False, journal.old
    database = Path(journal.database or box.layout.database)
    try:
        booting = box.service.booting()
        _note(box, journal, "back-stop")
        if not booting or box.service.active():
            with box.telling.step("stop the service"):
                box.service.stop(hold=not booting, carrying=carrying_seconds(database))
        _note(box, journal, "back-data")
        if journal.touched and old is not None:
            with box.telling.step("see to the database"):
                _return_data(box, journal, old)
        _note(box, journal, "back-switch")
        with box.telling.step(f"switch back to release {old}" if old else "remove what was switched to"):
            box.place(old)
        _note(box, journal, "back-start")
    except Exception as why:
        raise Stranded(
            f"going back from release {journal.new} to {old or 'none'} failed: {why}\n"
            f"    Find the cause, then: appliance-release recover (notes: {box.journal.path})"
        ) from why
    try:
        _serve_again(box, old, booting=booting)
    except Exception as why:
        raise Stranded(f"release {old} is back in its place with its data, but does not serve: {why}") from why
    finally:  # programs, units and data are those of before: there is nothing more to undo
        with suppress(OSError):  # to do so again does no harm
            box.journal.clear()
    if not booting:
        with suppress(OSError):  # the next change that is accepted does it
            data.forget(box.layout, database)


def _note(box: Box, journal: Journal, step: str) -> None:
    """On the way back a note that cannot be written does not stop us: the last one leads the same way."""
    try:
        box.journal.advance(journal, step)
    except OSError as error:
        box.telling.say(f"  {error}: going on without a note")


def undisturbed() -> None:
    """From here on no signal stops us."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _serve_again(box: Box, old: str | None, *, booting: bool) -> None:
    if old is None:
        box.service.halt()
    elif booting:
        box.service.start_later()
    else:
        with box.telling.step(f"start release {old}"):
            box.service.start()
        with box.telling.step("speak to it"):
            box.telling.say(f"  {box.programs(old).probe(box.service.address())}")


def _return_data(box: Box, journal: Journal, old: str) -> None:
    """Raises `Refused` where it cannot be told what the database is: then it is left as it is."""
    programs = box.programs(old)
    database = Path(journal.database or programs.steps().database)
    for left in reversed(range(TRIES)):
        if not programs.steps().newer:
            box.telling.say(f"  it has nothing that release {old} does not know")
            return
        with folder_alone(database.parent, wait_seconds=WAIT_SECONDS):
            pass  # a backup may be under way, and would be taken for a failure
        try:
            box.telling.say(f"  {programs.take_over(str(database))}")
            return
        except Failed as failed:
            box.telling.say(f"  release {old} cannot take over the newer database: {failed}")
        if not (left and _in_use(database.parent)):
            break
    if programs.steps().newer:
        aside = data.put_back(box.layout, database, journal.snapshot)
        box.telling.say(f"  the database is that of {journal.began}; what came later is in {aside} only")


def _in_use(folder: Path) -> bool:
    try:
        with folder_alone(folder, wait_seconds=0.0):
            return False
    except Refused:
        return True
