"""A closed queueing network: a fixed number of speakers, each at one station at a time, or speaking and thinking.

Speakers are few, so the model is the machine-repairman's and its kin and not M/G/1: whoever waits for a reply does not
ask again. Stations may serve several at once at a rate that depends on how many there are (a batch, shared cores). The
network has a product form (J. P. Buzen, Computational algorithms for closed queueing networks with exponential servers,
Communications of the ACM 16(9), 1973, 527-531), and who arrives sees it as it were without them (K. C. Sevcik,
I. Mitrani, The distribution of queuing network states at input and output instants, Journal of the ACM 28(2), 1981,
358-371). Work is taken as exponential where a station has a single queue; real work varies less, and so do its queues.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]


STEP_SECONDS: Final = 0.002
"""Of the distributions of times."""


@dataclass(frozen=True, slots=True)
class Station:
    """`seconds(n)`: how long one visit takes while n are there all the time, so that n / seconds(n) leave a second."""

    name: str
    visits: float
    """Of a turn."""
    seconds: Callable[[int], float]
    to_audio: Callable[[int], float] | None = None
    """What of a visit a turn's first audio has to wait for, while n are there; None: nothing of it."""


@dataclass(frozen=True, slots=True)
class Solved:
    """What so many speakers have: turns a second in all, each station's use, and how many an arrival finds there."""

    speakers: int
    turns_a_second: float
    found: dict[str, Array]
    """By station: probability of finding 0, 1, … others there."""
    busy: dict[str, float]
    """By station: share of the time in which somebody is there."""


def solve(stations: Sequence[Station], away_seconds: float, speakers: int) -> Solved:
    """`away_seconds`: from the end of a turn's work to the beginning of the next one's, whatever the load."""
    alone = [_terms(station, speakers) for station in stations]
    away = np.concatenate([[0.0], np.cumsum(np.log(away_seconds) - np.log(np.arange(1, speakers + 1)))])
    without = {
        station.name: _joined([away, *alone[:number], *alone[number + 1 :]]) for number, station in enumerate(stations)
    }
    whole = _joined([away, *alone])
    found, busy = {}, {}
    for station, terms in zip(stations, alone, strict=True):
        rest = without[station.name]
        found[station.name] = np.exp(terms[:speakers] + rest[speakers - 1 :: -1] - whole[speakers - 1])
        busy[station.name] = float(1 - np.exp(rest[speakers] - whole[speakers]))
    return Solved(speakers, float(np.exp(whole[speakers - 1] - whole[speakers])), found, busy)


def first_audio(stations: Sequence[Station], solved: Solved, share: float) -> float:
    """Seconds that this share of the turns do not exceed, from the beginning of their work to their first audio.

    At a station that is found with j others it waits for `to_audio(j + 1)`; stations are taken as independent.
    """
    total = np.ones(1)
    for station in stations:
        if station.to_audio is not None:
            found = _without_tail(solved.found[station.name])
            times = [station.to_audio(others + 1) for others in range(len(found))]
            slots = np.rint(np.array(times) / STEP_SECONDS).astype(int)
            total = _without_tail(np.convolve(total, np.bincount(slots, found)))
    return float(STEP_SECONDS * np.searchsorted(np.cumsum(total), share * total.sum() - 1e-12))


def _without_tail(chances: Array) -> Array:
    """Its far end weighs nothing, and would only take time."""
    return chances[: int(np.searchsorted(np.cumsum(chances), chances.sum() - 1e-7)) + 1]


def _terms(station: Station, speakers: int) -> Array:
    """Logarithms of the weights of 0, 1, … speakers at a station."""
    rates = [station.visits * station.seconds(count) / count for count in range(1, speakers + 1)]
    return np.concatenate([[0.0], np.cumsum(np.log(rates))])


def _joined(parts: Sequence[Array]) -> Array:
    """Logarithm of the convolution of the weights."""
    whole = parts[0]
    for part in parts[1:]:
        sums = [whole[: total + 1] + part[total::-1] for total in range(len(whole))]
        whole = np.array([np.logaddexp.reduce(each) for each in sums])
    return whole
