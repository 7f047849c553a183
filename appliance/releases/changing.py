"""Going from one release to another, and back by itself if the other one is ill.

Everything that can be refused is found before the service is stopped. From there on each step is noted on the disk
before it begins; whatever happens then ends with a release that serves and all that was acknowledged.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.releases import data
from appliance.releases.faults import Failed, Interrupted, Refused, RolledBack, Stranded
from appliance.releases.journal import ACCEPTED, Journal
from appliance.releases.programs import carrying_seconds
from appliance.releases.returning import go_back, undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.releases.box import Box
    from appliance.releases.programs import Programs


class Change:
    """From the current release to `new`; with `watch` seconds of watching until it is accepted.

    `away` is from a release that may be ill: what needs its help is tried, and is no condition.
    """

    def __init__(self, box: Box, new: str, watch: float, *, away: bool = False) -> None:
        self._box, self._new, self._watch, self._away = box, new, watch, away
        current = box.shelf.current()
        self._old = current if current is None or box.shelf.complete(current) else None
        if current != self._old:
            box.telling.say(f"note: the current release {current} is not whole, so there is no way back to it")

    def make(self) -> None:
        """Raises `Refused` while nothing has changed, `RolledBack`, `Stranded`."""
        box = self._box
        box.shelf.need(self._new)
        journal = self._prepare()
        box.service.guard()
        acts: dict[str, tuple[str, Callable[[], None]]] = {
            "stop": ("stop the service (clients wait)", lambda: self._stop(journal)),
            "snapshot": ("copy the database as it is", lambda: self._snapshot(journal)),
            "data": ("see to the database", lambda: self._data(journal)),
            "switch": (f"switch to release {self._new}", lambda: box.place(self._new)),
            "start": ("start the service", box.service.start),
            "probe": ("speak to it", self._probe),
            "watch": (f"watch it for {self._watch:.0f} s", self._watching),
        }
        if not journal.snapshot:
            del acts["snapshot"]
        if self._watch <= 0:
            del acts["watch"]
        try:
            for step, (what, act) in acts.items():
                journal = box.journal.advance(journal, step)
                with box.telling.step(what):
                    act()
            undisturbed()
            journal = box.journal.advance(journal, ACCEPTED)
        except (Exception, Interrupted) as why:
            undisturbed()
            reason = str(why) or type(why).__name__
            box.telling.say(f"release {self._new} is not taken: {reason}")
            go_back(box, journal)
            back = f"release {self._old} serves again" if self._old else "there is no release, as before"
            raise RolledBack(f"release {self._new} was rolled back, {back}: {reason}") from why
        try:
            accept(box, journal)
        except OSError as error:  # it serves all the same
            box.telling.say(f"note: {error}; for what is left to tidy up: appliance-release recover")

    def _prepare(self) -> Journal:
        """All that can be found without stopping anything."""
        box, new = self._box, self._box.programs(self._new)
        steps = new.steps()
        copied = steps.change
        if steps.applied is not None:
            if steps.change:
                self._rehearse(new, Path(steps.database))
            if self._old is not None:
                backed_up = self._aided("back up", lambda old: box.service.back_up() or old.back_up())
                copied = copied or (not backed_up and self._room_for_a_copy(Path(steps.database)))
        name = f"{self._new}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        return Journal(
            old=self._old, new=self._new, step="", reached="", tables=steps.change,
            database="" if steps.applied is None else steps.database, snapshot=name if copied else "",
            began=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        )  # fmt: skip

    def _rehearse(self, new: Programs, database: Path) -> None:
        """To the new release on a copy, and back again; and whether there is room to do so in earnest."""
        box = self._box
        with data.rehearsal(box.layout, database) as folder:
            with box.telling.step(f"rehearse release {self._new} on a copy of the database"):
                box.telling.say(f"  {new.rehearse(folder / data.NAME)}")
            if self._old is not None:
                self._aided("rehearse that there is a way back without loss", lambda old: old.rehearse_in(folder))
            size = data.size(folder / data.NAME)
        data.check_room(box.layout, database, 2 * size)

    def _aided(self, what: str, act: Callable[[Programs], str]) -> bool:
        """What the release that serves has to do for us; whether it could. Raises `Refused` unless we are `away`."""
        try:
            with self._box.telling.step(what):
                self._box.telling.say(f"  {act(self._box.programs(str(self._old)))}")
        except Failed as why:
            if not self._away:
                raise Refused(f"{what}: {why}") from why
            self._box.telling.say(f"note: {what}: {why}")
            return False
        return True

    def _room_for_a_copy(self, database: Path) -> bool:
        """In place of a backup; where the tables stay the same the way back does not need it."""
        try:
            data.check_room(self._box.layout, database, 0)
        except Refused as why:
            self._box.telling.say(f"note: nor is a copy kept meanwhile: {why}")
            return False
        return True

    def _stop(self, journal: Journal) -> None:
        self._box.service.stop(carrying=carrying_seconds(Path(journal.database)))

    def _snapshot(self, journal: Journal) -> None:
        data.take(self._box.layout, Path(journal.database), journal.snapshot)

    def _data(self, journal: Journal) -> None:
        """A newer release brings it up to date when it starts; an older one has to take it over before."""
        programs = self._box.programs(self._new)
        steps = programs.steps()
        if steps.newer:
            self._box.telling.say(f"  {programs.take_over(journal.database)}")

    def _probe(self) -> None:
        self._box.telling.say(f"  {self._box.programs(self._new).probe(self._box.service.address())}")

    def _watching(self) -> None:
        self._box.watching.watch(self._watch)
        self._probe()


def accept(box: Box, journal: Journal) -> None:
    """The new release has proved well: remember it, and let go of what was kept for the way back. Safe to repeat."""
    box.shelf.record(journal.new)
    database = Path(journal.database or box.layout.database)
    data.forget(box.layout, database)
    box.journal.clear()
    for path in data.sweep(box.layout, database):
        box.telling.say(f"{path}: removed, it was of another release and {data.KEPT_DAYS} days old")
    for said in box.prune(spared=journal.old):
        box.telling.say(said)


def recover(box: Box, *, quiet: bool = False) -> None:
    """See to a change that was interrupted: finish what had been accepted, undo what had not. Raises `Stranded`.

    `quiet`: where nothing was interrupted, nothing is said.
    """
    journal = box.journal.read()
    if journal is None:
        if data.left(box.layout, box.layout.database) and box.service.active():  # by a change undone at a start
            data.forget(box.layout, box.layout.database)
        if not quiet:
            box.telling.say("nothing was interrupted")
        return
    box.telling.say(f"the change from {journal.old or 'none'} to {journal.new} was interrupted at: {journal.step}")
    if journal.step == ACCEPTED:
        accept(box, journal)
        box.telling.say(f"release {journal.new} had been accepted, and stays")
        return
    go_back(box, journal)
    box.telling.say(f"release {journal.old} is back" if journal.old else "there is no release, as before")


def settle(box: Box) -> None:
    """Before anything new: raises `Refused` if the box cannot be brought out of an interrupted change."""
    if box.journal.read() is not None:
        try:
            recover(box)
        except Stranded as stranded:
            raise Stranded(f"an earlier change has to be undone first: {stranded}") from stranded
