"""How far a benchmark is: one line that changes on a terminal; elsewhere a line for each step, and not too many.

[ 3:12] turn: 4 sessions, 2 of 5; about 6 min left
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SPARSE_SECONDS: Final = 20.0
"""Least time between two lines where there is no terminal; a new part is always told."""


class Progress:
    """`expected`: seconds that each part will take, in their order."""

    def __init__(
        self, expected: Mapping[str, float], out: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self._expected, self._out, self._clock = dict(expected), out or sys.stderr, clock
        self._terminal = self._out.isatty()
        self._began = self._part_began = clock()
        self._part = ""
        self._told = float("-inf")
        self._open = False

    def part(self, name: str) -> None:
        """A part begins."""
        self._part, self._part_began, self._told = name, self._clock(), float("-inf")
        self.step("begins")

    def step(self, what: str, number: int = 0, of: int = 0) -> None:
        """What is running, and that it is the `number`th `of` so many."""
        now = self._clock()
        if not self._terminal and now - self._told < SPARSE_SECONDS:
            return
        self._told = now
        count = f", {number} of {of}" if of else ""
        part = f"{self._part}: " if self._part else ""
        line = f"[{_clock(now - self._began)}] {part}{what}{count}{self._left(now)}"
        self._out.write(f"\r\033[K{line[:150]}" if self._terminal else f"{line}\n")
        self._out.flush()
        self._open = self._terminal

    def say(self, text: str) -> None:
        """A line that stays."""
        self.close()
        self._out.write(f"{text}\n")
        self._out.flush()

    def close(self) -> None:
        """End the line that changes."""
        if self._open:
            self._out.write("\r\033[K")
            self._out.flush()
        self._open = False

    def _left(self, now: float) -> str:
        if self._part not in self._expected:
            return ""
        names = list(self._expected)
        later = sum(self._expected[name] for name in names[names.index(self._part) + 1 :])
        left = later + max(0.0, self._expected[self._part] - (now - self._part_began))
        return f"; about {left / 60:.0f} min left" if left >= 90 else f"; about {10 * max(1, round(left / 10))} s left"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:2d}:{int(seconds) % 60:02d}"


_CURRENT: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextmanager
def shown(progress: Progress) -> Iterator[Progress]:
    """Where `step` and `rounds` tell how far they are, for as long as the block lasts."""
    token = _CURRENT.set(progress)
    try:
        yield progress
    finally:
        progress.close()
        _CURRENT.reset(token)


def step(what: str, number: int = 0, of: int = 0) -> None:
    """Tell whoever shows it."""
    if (progress := _CURRENT.get()) is not None:
        progress.step(what, number, of)


def rounds(
    what: str, most: int, seconds: float, *, least: int = 3, warm: int = 0, clock: Callable[[], float] = time.monotonic
) -> Iterator[int]:  # fmt: skip
    """Numbers of rounds: `most` of them, or as many as begin within `seconds`, but `least`; `warm` more before, as 0.

    A slow machine so has fewer samples instead of an evening's work.
    """
    for number in range(warm):
        step(f"{what}, warming", number + 1, warm)
        yield 0
    began = clock()
    for number in range(1, most + 1):
        if number > least and clock() - began >= seconds:
            return
        step(what, number, most)
        yield number
