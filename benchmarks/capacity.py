"""How many people can be in live conversation with a box at once: the largest number that keeps the goal.

People speak recordings in real time through the live socket, hear each reply out, think and speak again
(`speakers.Rhythm`), and begin one after another. The number is doubled until the goal is missed, then bisected, each
level at a glance; the number found is measured twice in full, and one person fewer is tried if it does not hold.
A level ends early when so many turns are over the limit that it cannot keep the goal any more; otherwise when everybody
has been heard once more, so that whoever waits longest is not left out. How sure a percentile
is, is said as if turns were independent; a queue makes neighbours alike, which is why the last level is repeated.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from benchmarks.figures import Figure
from benchmarks.footprint import cpu_seconds
from benchmarks.order_statistics import allowed, nearest_rank
from benchmarks.people import people
from benchmarks.quantiles import interval
from benchmarks.speakers import Order, Rhythm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.box import Box
    from benchmarks.speakers import Report

SHARE: Final = 0.95
ERRORS_AT_MOST: Final = 0.001
CYCLE_SECONDS: Final = 15.0
"""About what a turn takes a person, all told: how far apart they begin, and how long a level may take."""
SLOW: Final = 3.0
"""A level that takes so much longer than that has its answer: it cannot keep up."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a level has to keep: voice to voice in seconds, and how many turns that is judged by."""

    limit: float = 2.0
    glance: int = 40
    full: int = 100
    """At least `least(SHARE)`, so that the percentile's interval has two ends."""

    def turns(self, speakers: int, *, full: bool) -> int:
        """Counted at a level: everybody's first turn is not, and two more of each are."""
        return max(self.full if full else self.glance, 2 * speakers)


@dataclass(slots=True)
class Level:
    """What so many people had."""

    speakers: int
    full: bool
    planned: int
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    cut_offs: int = 0
    clients_load: float = 0.0
    """Cores that playing the people took."""
    box_load: float = 0.0
    wall_seconds: float = 0.0
    ended_early: str = ""

    def add(self, report: Report) -> None:
        """A turn or an error."""
        if report.error:
            self.errors.append(report.error)
        elif report.seconds is not None and report.turn > 0:
            self.seconds.append(report.seconds)
            self.cut_offs += report.cut_offs

    def hopeless(self, limit: float) -> bool:
        """Whether the goal is missed already, however fast the remaining turns are."""
        over = sum(seconds > limit for seconds in self.seconds)
        return over > allowed(self.planned, SHARE) or len(self.errors) > ERRORS_AT_MOST * self.planned

    @property
    def over(self) -> bool:
        """Whether all its turns are counted."""
        return len(self.seconds) >= self.planned

    @property
    def p95(self) -> float:
        """Seconds; infinite where no turn was counted."""
        return nearest_rank(self.seconds, SHARE) if self.seconds else float("inf")

    def kept(self, limit: float) -> bool:
        """Whether it kept the goal, by all the turns that it had to have."""
        return self.over and not self.hopeless(limit) and self.p95 <= limit

    def row(self, limit: float) -> str:
        """In words."""
        sure = interval(self.seconds, SHARE)
        between = f" ({sure[0]:.2f} to {sure[1]:.2f})" if sure else ""
        middle = nearest_rank(self.seconds, 0.5) if self.seconds else float("nan")
        said = f"{self.speakers} people: {'kept' if self.kept(limit) else 'not kept'}"
        early = f" ({self.ended_early})" if self.ended_early else ""
        return (
            f"{said}{early}; {len(self.seconds)} turns, p50 {middle:.2f} s, p95 {self.p95:.2f} s{between},"
            f" {len(self.errors)} errors; box {self.box_load:.2f} cores, clients {self.clients_load:.2f}"
        )


@dataclass(slots=True)
class Found:
    """The result: `speakers` is 0 where not even one person is carried."""

    speakers: int
    confirmed: bool
    levels: list[Level]
    why: str


class OutOfTimeError(Exception):
    """The search has to end."""


def search(attempt: Callable[[int, bool], Level], goal: Goal, *, start: int, most: int) -> Found:
    """Find the largest number that is kept. `attempt(speakers, full)` measures a level; it may raise `OutOfTimeError`.

    Kept at a glance is not enough: what is found has been measured twice in full, unless time was up before.
    """
    levels: list[Level] = []

    def kept(speakers: int, *, full: bool) -> bool:
        levels.append(attempt(speakers, full))
        return levels[-1].kept(goal.limit)

    good, bad = 0, most + 1
    try:
        speakers = min(start, most)
        while good < speakers < bad:  # doubled, or halved where not even the start is kept
            if kept(speakers, full=False):
                good = speakers
                speakers = min(2 * speakers, most)
            else:
                bad = speakers
                speakers //= 2
        while bad - good > 1:
            middle = (good + bad) // 2
            if kept(middle, full=False):
                good = middle
            else:
                bad = middle
        while good and not (kept(good, full=True) and kept(good, full=True)):
            good -= 1
    except OutOfTimeError:
        whole = [level.speakers for level in levels if level.full and level.kept(goal.limit)]
        return Found(good, bool(whole) and whole.count(good) > 1, levels, "time was up")
    return Found(good, good > 0, levels, "measured twice in full" if good else "not even one is kept")


class Trials:
    """Measures levels on a running box, until `until` (of `time.monotonic`)."""

    def __init__(
        self, box: Box, files: Sequence[Path], rhythm: Rhythm, goal: Goal, until: float, key: str | None = None
    ) -> None:  # fmt: skip
        self._box, self._rhythm, self._goal, self._until = box, rhythm, goal, until
        self._order = Order(box.url, tuple(map(str, files)), 1, rhythm, key)
        self._seed = 0

    def level(self, speakers: int, full: bool) -> Level:
        """Measure one. Raises `OutOfTimeError` where there is no time left for it."""
        level = Level(speakers, full, self._goal.turns(speakers, full=full))
        expected = CYCLE_SECONDS * (2 + level.planned / speakers)
        if time.monotonic() + expected > self._until:
            raise OutOfTimeError
        self._seed += 1
        order = replace(
            self._order, speakers=speakers, seed=self._seed, spread_seconds=min(CYCLE_SECONDS, 2.0 * speakers)
        )
        began, spent = time.monotonic(), cpu_seconds(self._box.pid)
        unheard: set[int] | None = None
        with people(order) as reports:
            for report in reports:
                level.add(report)
                level.clients_load = report.load
                level.wall_seconds = time.monotonic() - began
                if level.hopeless(self._goal.limit):
                    level.ended_early = "the goal is missed already"
                    break
                if unheard is not None:
                    unheard.discard(report.speaker)
                elif level.over:
                    unheard = set(range(speakers))
                if unheard is not None and not unheard:
                    break
                if level.wall_seconds > SLOW * expected:
                    level.ended_early = "too slow"
                    break
                if time.monotonic() > self._until:
                    raise OutOfTimeError
        level.box_load = (cpu_seconds(self._box.pid) - spent) / (time.monotonic() - began)
        click.echo(level.row(self._goal.limit), err=True)
        time.sleep(2.0)  # replies that were under way are over
        return level


def measure(
    box: Box, files: Sequence[Path], rhythm: Rhythm | None = None, goal: Goal | None = None,
    *, minutes: float = 30.0, start: int = 2, most: int = 256, key: str | None = None,
) -> Iterator[Figure]:  # fmt: skip
    """The number found, and the figures of each level tried, in the order in which they were."""
    rhythm, goal = rhythm or Rhythm(), goal or Goal()
    trials = Trials(box, files, rhythm, goal, time.monotonic() + 60 * minutes, key)
    found = search(trials.level, goal, start=start, most=most)
    if not found.levels:
        least_minutes = CYCLE_SECONDS * (2 + goal.turns(start, full=False) / start) / 60
        raise click.ClickException(f"{minutes:g} minutes are too few: {start} people alone take {least_minutes:.0f}")
    click.echo(f"{found.speakers} people at once ({found.why})", err=True)
    yield Figure("capacity_speakers", found.speakers, "people", lower_is_better=False)
    yield Figure("capacity_confirmed", float(found.confirmed))
    yield Figure("capacity_limit", goal.limit, "s")
    yield Figure("capacity_think_seconds", rhythm.think_seconds, "s")
    yield Figure("capacity_cores", os.cpu_count() or 0, "cores")
    for number, level in enumerate(found.levels, start=1):
        yield from _figures(f"capacity_{number:02}_{level.speakers}_people", level, goal.limit)


def _figures(name: str, level: Level, limit: float) -> Iterator[Figure]:
    yield Figure(f"{name}_kept", float(level.kept(limit)))
    yield Figure(f"{name}_turns", len(level.seconds))
    yield Figure(f"{name}_errors", len(level.errors))
    yield Figure(f"{name}_cut_offs", level.cut_offs)
    if level.seconds:
        yield Figure(f"{name}_p50", nearest_rank(level.seconds, 0.5), "s", samples=tuple(level.seconds))
        yield Figure(f"{name}_p95", level.p95, "s")
        for end, value in zip(("low", "high"), interval(level.seconds, SHARE) or (), strict=False):
            yield Figure(f"{name}_p95_{end}", value, "s")
    yield Figure(f"{name}_seconds", level.wall_seconds, "s")
    yield Figure(f"{name}_box_load", level.box_load, "cores")
    yield Figure(f"{name}_clients_load", level.clients_load, "cores")
