"""Medians and other quantiles, and how far they may be off.

The interval of one quantile is that of order statistics: it assumes nothing of the distribution but that samples are
independent (W. J. Conover, Practical Nonparametric Statistics, 3rd ed., 1999, section 3.2). The interval of a ratio of
two is the percentile bootstrap (B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVEL: Final = 0.95
"""Of 100 intervals so many hold the true value."""
DRAWS: Final = 4000
SEED: Final = 1
"""The same samples always get the same verdict."""


def quantile(samples: Sequence[float], share: float = 0.5) -> float:
    """Between the nearest ranks, as numpy has it. Raises `ValueError` without a sample."""
    if not samples:
        raise ValueError("there are no samples")
    return float(np.quantile(np.asarray(samples, dtype=float), share))


def interval(samples: Sequence[float], share: float = 0.5, level: float = LEVEL) -> tuple[float, float] | None:
    """Two of the samples between which the true quantile lies; None where they are too few to say (a median: 5)."""
    ordered, count, tail = sorted(samples), len(samples), (1 - level) / 2
    below = 0.0  # chance that fewer than `rank` samples are below the quantile
    low = high = None
    for rank in range(1, count + 1):
        below += math.comb(count, rank - 1) * share ** (rank - 1) * (1 - share) ** (count - rank + 1)
        if below <= tail:
            low = ordered[rank - 1]
        if high is None and 1 - below <= tail:
            high = ordered[rank - 1]
    return None if low is None or high is None else (low, high)


def ratio_interval(
    before: Sequence[float], after: Sequence[float], share: float = 0.5, level: float = LEVEL
) -> tuple[float, float] | None:  # fmt: skip
    """Between which the ratio after / before of two quantiles lies; None where they are not all above zero."""
    if not before or not after or min(*before, *after) <= 0:
        return None
    dice = np.random.default_rng(SEED)
    drawn = [
        np.quantile(dice.choice(np.asarray(samples, dtype=float), (DRAWS, len(samples))), share, axis=1)
        for samples in (before, after)
    ]
    low, high = np.quantile(drawn[1] / drawn[0], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
