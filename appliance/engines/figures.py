"""What an engine has done, as its worker tells it with each heartbeat.

The engine's thread counts in plain numbers, and the thread of the heartbeat reads them without asking it to wait: what
it reads may be one step old, and nothing is locked. A worker that is started anew begins at 0.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

STEP_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
TOGETHER: Final = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0)
TOKENS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)


class Spread(msgspec.Struct, frozen=True):
    """How many values were at most each bound and above the one before; one count more for those above all."""

    counts: list[int]
    total: float
    """All values added up."""


class Tally:
    """Counts values for a `Spread`."""

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def note(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    @property
    def spread(self) -> Spread:
        """As it is now."""
        return Spread(list(self._counts), self._total)


class Language(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Of the language engine."""

    cells: int
    cells_used: int
    running: int
    waiting: int
    read: int
    """Tokens of prompts that were computed …"""
    resident: int
    """… that were in the KV cache …"""
    restored: int
    """… and that came from the disk."""
    generated: int
    steps: int
    step_seconds: Spread
    batch_sequences: Spread
    batch_tokens: Spread
    guessed: int
    accepted: int
    sent_back: int


class Listening(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Of the listening engine."""

    batch_utterances: Spread
    live_seconds: float
    file_seconds: float
    nothing_heard: int


class Speaking(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Of the speaking engine."""

    audio_seconds: float


Figures = Language | Listening | Speaking
