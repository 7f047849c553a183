"""How much of a prompt may be read in a step, learnt from the steps themselves.

Two things are measured as they go by: how long a step takes in which only replies are written, by their number, and
what a token of a prompt adds to a step. Both grow with the length of what is written and read (on a CPU the second
fourfold over 3,000 tokens), so both are moving averages, and while a long prompt is read, a step now and then only
writes, so that the first stays known. On a GPU a token adds next to nothing, and the averages say so.
"""

from __future__ import annotations

from typing import Final

WEIGHT: Final = 0.2
"""Of the newest step in an average: what is ten steps old counts a tenth."""
OUTLIER: Final = 4.0
"""A step so many times longer than expected was a hiccup of the machine, and counts only as this."""
FRESH: Final = 16
"""After so many steps in which prompts were read, one only writes."""
LOOK_AGAIN: Final = 64
"""Crowds that were made smaller, of which one is not."""
LEAST: Final = 1e-6
"""Seconds: less than any token costs."""


class Pace:
    """The averages, and what follows from them."""

    def __init__(self, slack: float, longest: float) -> None:
        """`slack`: how many times longer a step may get by the prompts read in it, for those who listen meanwhile.

        `longest`: seconds that a step may take when nobody does.
        """
        self._slack, self._longest = slack, longest
        self._writing: dict[int, float] = {}
        self._reading = 0.0
        self._since = 0
        self._crowds = 0

    def note(self, replies: int, prompt: int, seconds: float) -> None:
        """A step wrote so many replies' next tokens, read so many tokens of prompts, and took so long."""
        if not prompt:
            self._since = 0
            self._writing[replies] = _average(self._writing.get(replies, 0.0), seconds)
        else:
            self._since += bool(replies)
            self._reading = _average(self._reading, max(LEAST, (seconds - self.writing(replies)) / prompt))

    def writing(self, replies: int) -> float:
        """Expected seconds of a step that only writes; as for the nearest number of replies that was measured."""
        if not replies or not self._writing:
            return 0.0
        nearest = min(self._writing, key=lambda known: abs(known - replies))
        return self._writing[nearest] * max(1.0, replies / nearest)

    def crowd(self, replies: int, most: int) -> int:
        """Replies of `most` that may go together in a step: `replies`, which have a right to, and more of them as long
        as the step gets no longer than prompts may make it. Now and then all of them, since what is never tried stays
        as slow as it once was."""
        # Where so few were never measured, the nearest number may be far more of them.
        smaller = [seconds * replies / known for known, seconds in self._writing.items() if known <= replies]
        bound = self._slack * min([self.writing(replies), *smaller])
        fitting = most
        while fitting > replies and self.writing(fitting) > bound:
            fitting -= 1
        self._crowds += fitting < most
        return most if self._crowds and self._crowds % LOOK_AGAIN == 0 else fitting

    def room(self, replies: int, most: int) -> int:
        """Tokens of prompts that may be read in a step beside the next tokens of so many replies.

        One at least; but none after `FRESH` steps that read beside replies.
        """
        if replies and self._since >= FRESH:
            return 0
        if not self._reading:
            return min(most, 8) if replies else most
        free = (self._slack - 1) * (self.writing(replies) or self._reading) if replies else self._longest
        return max(1, min(most, int(free / self._reading)))


def _average(known: float, seconds: float) -> float:
    return known + WEIGHT * (min(seconds, OUTLIER * known) - known) if known else seconds
