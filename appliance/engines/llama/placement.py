"""Which places go to which GPU: pure arithmetic, after llama.cpp's own rule.

A place is a layer, or the output that counts as one more. Each GPU gets a stretch of places, in order. Counts of
places, given to llama.cpp as `tensor_split`, come out as the same counts again.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS: Final = 64
"""How finely an even split is looked for."""


def by_shares(places: int, shares: Sequence[float]) -> list[int]:
    """How many places each GPU gets when `tensor_split` is `shares`."""
    whole = sum(shares)
    ends = [end / whole for end in accumulate(shares)]
    counts = [0] * len(shares)
    for place in range(places):
        counts[min(bisect_right(ends, place / places), len(shares) - 1)] += 1
    return counts


def filled(costs: Sequence[int], rooms: Sequence[int], fixed: int) -> list[int] | None:
    """Fill one GPU after the other, less `fixed` on each; None if some place finds no room."""
    counts, at = [], 0
    for room in rooms:
        start, left = at, room - fixed
        while at < len(costs) and costs[at] <= left:
            left -= costs[at]
            at += 1
        counts.append(at - start)
    return counts if at == len(costs) else None


def evenly(costs: Sequence[int], rooms: Sequence[int], fixed: int) -> list[int] | None:
    """Fill all GPUs to the same part of their rooms, the smallest that does."""
    for step in range(1, STEPS):
        counts = filled(costs, [room * step // STEPS for room in rooms], fixed)
        if counts is not None:
            return counts
    return filled(costs, rooms, fixed)


def stretches(counts: Sequence[int]) -> list[range]:
    """The places of each GPU, counted from its first one."""
    return [range(start, end) for start, end in pairwise(accumulate(counts, initial=0))]
