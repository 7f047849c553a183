"""Which users' turns all workers have regard for, on a box with few cores.

A live job is *pressing* until its first words or sounds are there: somebody hears nothing until then. While one is,
each worker does what is pressing, and what belongs to users who have no more under way; all else waits for a moment.
Among users with pressing jobs those with the fewest of them go first, so that many conversations of one user are no
reason for another one's to wait.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from appliance.engines.frames import Hold
from appliance.jobs import Generate, Speak, Understand

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.jobs import AnyJob

HOLD_SECONDS: Final = 2.0
"""Longest time for which one job is waited for."""
FIRST_WORDS: Final = 12
"""Parts of a reply until there is a clause that can be spoken."""


class Precedence:
    """One for all hosts of a box."""

    def __init__(self) -> None:
        self._workers: list[Callable[[Hold], None]] = []
        self._open: Counter[str] = Counter()
        self._pressing: Counter[str] = Counter()
        self._told = Hold(0.0)

    def join(self, tell: Callable[[Hold], None]) -> None:
        """A host takes part: it is told what its worker shall have regard for."""
        self._workers.append(tell)

    def claim(self, job: AnyJob, user: str) -> Claim:
        """A job begins."""
        return Claim(self, job, user)

    def opened(self, user: str, by: int) -> None:
        """A user has so many jobs more under way."""
        self._count(self._open, user, by)

    def pressed(self, user: str, by: int) -> None:
        """A user has so many pressing jobs more."""
        self._count(self._pressing, user, by)
        hold = self._hold()
        if hold != self._told or by > 0:  # a new one is waited for anew
            self._told = hold
            for tell in self._workers:
                tell(hold)

    def _count(self, counts: Counter[str], user: str, by: int) -> None:
        counts[user] += by
        if not counts[user]:
            del counts[user]

    def _hold(self) -> Hold:
        if not self._pressing:
            return Hold(0.0)
        least = min(self._pressing.values())
        live = [user for user, count in self._pressing.items() if count == least]
        most = min(self._open[user] for user in live)
        others = [user for user, count in self._open.items() if user and user not in live and count <= most]
        return Hold(HOLD_SECONDS, live, others)


class Claim:
    """One job's, from its begin to its end."""

    def __init__(self, precedence: Precedence, job: AnyJob, user: str) -> None:
        self._precedence, self._user = precedence, user
        self._left = FIRST_WORDS if isinstance(job, Generate) else 1
        self._pressing, self._over = False, False
        precedence.opened(user, 1)
        # What was probably said is understood before anybody knows that the turn is over, for whoever waits then.
        soon = isinstance(job, Understand) and job.priority != "background"
        if soon or (isinstance(job, Generate | Speak) and job.priority == "live"):
            self.press()

    def press(self) -> None:
        """Somebody listens for it now."""
        if not (self._pressing or self._over) and self._left > 0:
            self._pressing = True
            self._precedence.pressed(self._user, 1)

    def part(self) -> None:
        """Some of its answer has come."""
        self._left -= 1
        if self._left <= 0:
            self._release()

    def end(self) -> None:
        """It is over, one way or another."""
        if not self._over:
            self._over = True
            self._precedence.opened(self._user, -1)
            self._release()

    def _release(self) -> None:
        if self._pressing:
            self._pressing = False
            self._precedence.pressed(self._user, -1)
