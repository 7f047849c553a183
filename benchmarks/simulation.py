"""The same network as `network` has it, played out: speakers, stations, queues, one event after another.

Formulas are held against it, and it says what they leave out, such as work that is not exponential.
"""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Line:
    """One server, first come, first served. `work` and `away` draw seconds, by the number of the speaker."""

    work: Callable[[random.Random, int], float]
    away: Callable[[random.Random, int], float]


def played(line: Line, speakers: int, turns: int, *, spread: float, seed: int = 0) -> list[float]:
    """Seconds from arrival to the end of the work, of all turns but each speaker's first; all begin within `spread`."""
    chance, order = random.Random(seed), itertools.count()  # noqa: S311 - a simulation is no secret
    free, taken = 0.0, []
    begun = (spread * number / speakers for number in range(speakers))
    arrivals = [(at + line.away(chance, number), next(order), number, 0) for number, at in enumerate(begun)]
    heapq.heapify(arrivals)
    while arrivals:
        at, _, number, turn = heapq.heappop(arrivals)
        free = max(free, at) + line.work(chance, number)
        if turn:
            taken.append(free - at)
        if turn < turns:
            heapq.heappush(arrivals, (free + line.away(chance, number), next(order), number, turn + 1))
    return taken
