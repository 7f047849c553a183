"""What a percentile by the nearest rank asks of so many values, and how many values it takes to be sure of one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def allowed(count: int, share: float) -> int:
    """So many of `count` values may be over a limit while the percentile is not."""
    return count - math.ceil(share * count - 1e-9)


def nearest_rank(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed."""
    return sorted(values)[len(values) - allowed(len(values), share) - 1]


def least(share: float, confidence: float = 0.95) -> int:
    """With fewer values the percentile's interval (`quantiles.interval`) has no upper end."""
    return math.ceil(math.log((1 - confidence) / 2) / math.log(share))
