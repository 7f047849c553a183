"""How long a step takes by the tokens in it, learnt from the steps themselves.

A straight line through the recent steps: `seconds = base + each × tokens`, least squares with exponential
forgetting. On a CPU every token costs nearly the same; on a GPU a step of 64 costs hardly more than a step of one, and
the line says so.
"""

from __future__ import annotations

from typing import Final

MEMORY: Final = 0.98
"""Weight of a step fifty steps ago: 0.98 ** 50, about a third."""
OUTLIER: Final = 4.0
"""A step so many times longer than expected was a hiccup of the machine, and counts only as this."""


class Pace:
    """The line, and what follows from it."""

    def __init__(self, slack: float, longest: float) -> None:
        """`slack`: how many times longer a step may get by the prompts read in it, for those who listen meanwhile.

        `longest`: seconds that a step may take when nobody does.
        """
        self._slack, self._longest = slack, longest
        self._n = self._x = self._y = self._xx = self._xy = 0.0

    def note(self, tokens: int, seconds: float) -> None:
        """A step of so many tokens took so long."""
        if self._n > 1:
            seconds = min(seconds, OUTLIER * self.seconds(tokens))
        for name, value in (
            ("_n", 1.0),
            ("_x", tokens),
            ("_y", seconds),
            ("_xx", tokens**2),
            ("_xy", tokens * seconds),
        ):
            setattr(self, name, MEMORY * getattr(self, name) + value)

    @property
    def each(self) -> float:
        """Seconds that one more token costs."""
        spread = self._n * self._xx - self._x**2
        mean = self._y / self._x if self._x else 0.0
        if spread <= 1e-9 * self._xx * self._n:
            return mean
        return min(max((self._n * self._xy - self._x * self._y) / spread, 0.02 * mean), mean)

    def seconds(self, tokens: int) -> float:
        """Expected length of a step."""
        if not self._n:
            return 0.0
        return max(0.0, (self._y - self.each * self._x) / self._n + self.each * tokens)

    def room(self, replies: int, most: int) -> int:
        """Tokens of prompts that may be read in a step beside the next tokens of `replies` running replies."""
        if not self._n or not self.each:
            return most
        free = self._longest - self.seconds(0)
        seconds = (self._slack - 1) * self.seconds(replies) if replies else free
        return max(1, min(most, int(seconds / self.each)))
