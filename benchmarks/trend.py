"""Whether a series of measurements rises: the slope of Theil and Sen, and an interval for it.

The slope is the median of the slopes between all pairs of points, so that single outliers do not matter; its interval
comes from the distribution of Kendall's tau where there is no trend, with ties counted (P. K. Sen, Estimates of the
regression coefficient based on Kendall's tau, Journal of the American Statistical Association 63, 1968, 1379-1389).
It takes the points as independent. Neighbours that are alike make it narrower than it should be, so many samples are
thinned to `MOST` means first.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST: Final = 60
"""Points; more are averaged, neighbours with neighbours."""
FEWEST: Final = 5
"""With fewer points no slope can be told from none."""


@dataclass(frozen=True, slots=True)
class Trend:
    """By how much a series rose from its first point to its last: the estimate, and between which two it lies."""

    rise: float
    low: float
    high: float

    def verdict(self, bound: float) -> Literal["flat", "rises", "cannot tell"]:
        """Flat: a rise of `bound` is ruled out. Rises: more than `bound` is sure. A fall is no rise."""
        if self.high <= bound:
            return "flat"
        return "rises" if self.low > bound else "cannot tell"


def trend(times: Sequence[float], values: Sequence[float], confidence: float = 0.95) -> Trend:
    """Of values at their times. Raises `ValueError` with fewer than `FEWEST` points."""
    if len(times) < FEWEST:
        raise ValueError(f"a trend needs {FEWEST} points")
    at, seen = _thinned(times), _thinned(values)
    first, second = np.triu_indices(len(at), 1)
    run = at[second] - at[first]
    slopes = np.sort((seen[second] - seen[first])[run > 0] / run[run > 0])
    count = len(at)
    ties = sum(size * (size - 1) * (2 * size + 5) for size in Counter(seen.tolist()).values())
    variance = (count * (count - 1) * (2 * count + 5) - ties) / 18
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(variance)
    low = max(0, math.floor((len(slopes) - reach) / 2) - 1)
    high = min(len(slopes) - 1, math.ceil((len(slopes) + reach) / 2))
    length = float(max(times) - min(times))
    return Trend(float(statistics.median(slopes)) * length, float(slopes[low]) * length, float(slopes[high]) * length)


def _thinned(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    parts = np.array_split(np.asarray(values, dtype=float), min(MOST, len(values)))
    return np.array([part.mean() for part in parts])
