"""One measured figure, what it was made of, and what is demanded of it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.quantiles import interval, quantile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TIMES: Final = ("s", "ms", "steps")
"""Units of which less is better where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A name, a value and its unit; `at_least` or `at_most` where something is demanded."""

    name: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    samples: tuple[float, ...] = ()
    """What the value is a quantile of, in the same unit, in the order in which they were measured."""
    lower_is_better: bool | None = None
    """None: as the demand or the unit has it."""
    share: float = 0.5
    """Which quantile of the samples the value is."""

    @property
    def met(self) -> bool | None:
        """Whether the demand is met; None if there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most

    @property
    def less_is_better(self) -> bool | None:
        """None where neither is."""
        if self.lower_is_better is not None:
            return self.lower_is_better
        if self.at_most is not None or self.at_least is not None:
            return self.at_most is not None
        return {**dict.fromkeys(TIMES, True), "tokens/s": False}.get(self.unit)

    @property
    def spread(self) -> tuple[float, float] | None:
        """Where the true value lies in 95 of 100 cases; None where the samples are too few to say."""
        return interval(self.samples, self.share) if self.samples else None

    @property
    def range(self) -> tuple[float, float] | None:
        """Least and greatest sample."""
        return (min(self.samples), max(self.samples)) if self.samples else None

    def row(self) -> str:
        """A line of the table."""
        line = f"{self.name:<46} {self.value:>9.4g} {self.unit:<9}"
        if self.samples:
            between = self.spread or self.range
            assert between is not None  # noqa: S101 - there are samples
            shown = f"{between[0]:.4g} … {between[1]:.4g}{'' if self.spread else ' (range)'}"
            line += f" {shown:<24} {len(self.samples):>4}"
        else:
            line += " " * 30
        if self.met is not None:
            bound = f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"
            line += f"  {bound:>9}  {'met' if self.met else 'NOT MET'}"
        return line.rstrip()


HEAD: Final = f"{'figure':<46} {'value':>9} {'unit':<9} {'95 % of the time within':<24} {'n':>4}"
"""Above the rows."""


def made_of(
    name: str, samples: Sequence[float], unit: str = "", share: float = 0.5, *, at_least: float | None = None,
    at_most: float | None = None, lower_is_better: bool | None = None,
) -> Figure:  # fmt: skip
    """The quantile `share` of samples, which it keeps. Raises `ValueError` without one."""
    value = quantile(samples, share)
    return Figure(name, value, unit, at_least, at_most, tuple(map(float, samples)), lower_is_better, share)


def ratio(
    name: str, over: Sequence[float], under: Sequence[float], *, at_least: float | None = None,
    at_most: float | None = None, lower_is_better: bool | None = None,
) -> Figure:  # fmt: skip
    """The median of the ratios of pairs, each measured one right after the other."""
    ratios = [above / below for above, below in zip(over, under, strict=True)]
    return made_of(name, ratios, "times", at_least=at_least, at_most=at_most, lower_is_better=lower_is_better)


def ratio_of_rounds(
    name: str, over: Sequence[Sequence[float]], under: Sequence[Sequence[float]], *,
    lower_is_better: bool | None = None,
) -> Figure:  # fmt: skip
    """The median of the ratios of each round's means, where a round has more on one side than on the other."""
    means = [[statistics.fmean(each) for each in side] for side in (over, under)]
    return ratio(name, *means, lower_is_better=lower_is_better)


def percentile(values: Sequence[float], share: float) -> float:
    """By the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def spread(name: str, seconds: Sequence[float], at_most: float | None = None) -> Iterator[Figure]:
    """The median and the 95th percentile, in milliseconds; `at_most` is demanded of the latter."""
    milliseconds = [1000 * each for each in seconds]
    yield made_of(f"{name}_p50", milliseconds, "ms")
    yield made_of(f"{name}_p95", milliseconds, "ms", 0.95, at_most=at_most)
