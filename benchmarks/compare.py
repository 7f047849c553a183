"""Two results side by side: what became faster, what slower, and what their samples cannot tell.

A verdict needs samples on both sides, an interval of the ratio of medians (bootstrap, 99 of 100) that leaves out 1, and
a change above the floor: what differs between two runs of the same thing on the same machine is mostly not chance
among a run's own samples, but the machine's mood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from benchmarks.fingerprint import differences, doubts
from benchmarks.quantiles import ratio_interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Figure
    from benchmarks.result import Result

FLOOR_PERCENT: Final = 5.0
LEVEL: Final = 0.99
"""Some hundred figures are compared: at 0.95 five of them would differ by chance."""
FEWEST: Final = 5
"""Samples on each side: with four, two sets of the same kind lie wholly apart in 3 of 100 cases."""
TIMES: Final = ("s", "ms", "steps")

Verdict = Literal["faster", "slower", "better", "worse", "differs", "cannot tell"]
VERDICTS: Final = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure in both results. `ratio` is after / before, None where that says nothing; `low`, `high` around it."""

    part: str
    before: Figure
    after: Figure
    verdict: Verdict
    ratio: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def loss_percent(self) -> float:
        """By how much it is worse, beyond doubt or not; 0 where it is not, or where neither is worse."""
        less = self.before.less_is_better
        if self.ratio is None or less is None:
            return 0.0
        return max(0.0, 100 * ((self.ratio if less else 1 / self.ratio) - 1))

    @property
    def lost(self) -> bool:
        """Whether it is worse beyond doubt."""
        return self.verdict in ("slower", "worse")

    def row(self) -> str:
        """A line of the table."""
        line = f"{self.part + ' ' + self.before.name:<56} {self.before.value:>9.4g} {self.after.value:>9.4g}"
        line += f" {self.before.unit:<9}"
        if self.ratio is not None and self.low is not None and self.high is not None:
            line += f" {100 * (self.ratio - 1):>+7.1f} % ({100 * (self.low - 1):+.1f} … {100 * (self.high - 1):+.1f})"
        return f"{line:<115} {self.verdict}"


def compare(before: Result, after: Result, floor_percent: float = FLOOR_PERCENT) -> list[Compared]:
    """All figures that both have, in the order of `after`."""
    found = []
    for part in after.parts:
        earlier = before.part(part.name)
        for figure in part.figures if earlier is not None else ():
            other = earlier.figure(figure.name) if earlier is not None else None
            if other is not None and other.unit == figure.unit:
                found.append(judge(part.name, other, figure, floor_percent))
    return found


def judge(part: str, before: Figure, after: Figure, floor_percent: float = FLOOR_PERCENT) -> Compared:
    """One figure against another of the same name."""
    ratio = after.value / before.value if before.value > 0 and after.value > 0 else None
    if min(len(before.samples), len(after.samples)) < FEWEST or ratio is None:
        return Compared(part, before, after, "cannot tell", ratio)
    between = ratio_interval(before.samples, after.samples, after.share, LEVEL)
    if between is None:
        return Compared(part, before, after, "cannot tell", ratio)
    low, high = between
    floor = 1 + floor_percent / 100
    verdict: Verdict = "cannot tell"
    if (low > 1 and ratio > floor) or (high < 1 and ratio < 1 / floor):
        verdict = _word(after, rose=ratio > 1)
    return Compared(part, before, after, verdict, ratio, low, high)


def _word(figure: Figure, *, rose: bool) -> Verdict:
    if figure.less_is_better is None:
        return "differs"
    worse = rose == figure.less_is_better
    if figure.unit in TIMES or figure.unit == "tokens/s":
        return "slower" if worse else "faster"
    return "worse" if worse else "better"


def warnings(before: Result, after: Result) -> Iterator[str]:
    """What makes the two hard to compare."""
    if found := differences(before.fingerprint, after.fingerprint):
        yield "They were not measured on and with the same:\n  " + "\n  ".join(found)
    for name, result in (("first", before), ("second", after)):
        if result.quick:
            yield f"The {name} is a quick one: few samples, and not to be quoted."
        for doubt in doubts(result.fingerprint):
            yield f"The {name}: {doubt}"
    lacking = {part.name for part in before.parts} ^ {part.name for part in after.parts}
    if lacking:
        yield f"Only one of them has: {', '.join(sorted(lacking))}"
    for name, result in (("first", before), ("second", after)):
        for part in result.parts:
            if part.failed:
                yield f"In the {name}, {part.name} was not measured whole: {'; '.join(part.notes)}"


def gone(before: Result, after: Result) -> list[str]:
    """Figures that only the first has, of parts that the second was to measure."""
    return [
        f"{part.name} {figure.name}"
        for part in before.parts
        if (later := after.part(part.name)) is not None
        for figure in part.figures
        if later.figure(figure.name) is None
    ]
