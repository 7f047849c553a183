"""Which users' turns all workers have regard for, on a box with few cores.

A live job is *pressing* until its first words or sounds are there: somebody hears nothing until then. While one is,
each worker does what is pressing, and what belongs to users who have no more under way; all else waits for a moment.
Among users with pressing jobs those with the fewest of them go first, so that many conversations of one user are no
reason for another one's to wait. From stage to stage of a turn there are a few milliseconds in which nothing of it
presses: they are kept free too, because what begins in them takes the next stage a third of a second.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.engines.fairness import FIRST_WORDS
from appliance.engines.frames import Hold
from appliance.jobs import Generate, Speak, Understand, is_awaited

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.jobs import AnyJob

HOLD_SECONDS: Final = 2.0
"""Longest time for which one job is waited for."""
HANDOVER_SECONDS: Final = 0.1
"""Longest time from the words of one stage of a turn to its job for the next stage."""


class Precedence:
    """One for all hosts of a box."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._workers: list[Callable[[Hold], None]] = []
        self._open: Counter[str] = Counter()
        self._pressing: dict[Claim, float] = {}
        """Since when each of them has been."""
        self._handed: dict[str, float] = {}
        """Whose turns are between two stages, and since when."""
        self._told = Hold(0.0)

    def join(self, tell: Callable[[Hold], None]) -> None:
        """A host takes part: it is told what its worker shall have regard for."""
        self._workers.append(tell)

    def claim(self, job: AnyJob, user: str) -> Claim:
        """A job begins."""
        self._open[user] += 1
        claim = Claim(self, job, user)
        self.tell(again=claim in self._pressing)
        return claim

    def press(self, claim: Claim) -> None:
        """Somebody listens for a job."""
        self._handed.pop(claim.user, None)
        self._pressing[claim] = self._clock()

    def release(self, claim: Claim, *, over: bool, hands_over: bool = False) -> None:
        """A job has got far enough, or is `over`; `hands_over`: what it said goes to the next stage now."""
        pressed = self._pressing.pop(claim, None) is not None
        if pressed and hands_over:
            self._handed[claim.user] = self._clock()
        elif pressed and not over:  # heard: there is nothing to hand over any more
            self._handed.pop(claim.user, None)
        if over:
            self._open[claim.user] -= 1
            if not self._open[claim.user]:
                del self._open[claim.user]
        if pressed or over:
            self.tell()

    def tell(self, *, again: bool = False) -> None:
        """Tell the workers what holds now, if it has changed; a job that presses anew is waited for anew."""
        hold = self._hold()
        if hold != self._told or again:
            self._told = hold
            for tell in self._workers:
                tell(hold)

    def _hold(self) -> Hold:
        now = self._clock()  # what takes longer than it may is stuck itself
        pressing = Counter(claim.user for claim, at in self._pressing.items() if now < at + HOLD_SECONDS)
        self._handed = {user: at for user, at in self._handed.items() if now < at + HANDOVER_SECONDS}
        between = [user for user in self._handed if user not in pressing]
        hold = self._regard(pressing)
        if not between:
            return hold
        return msgspec.structs.replace(self._regard(pressing + Counter(between)), seconds=HANDOVER_SECONDS, then=hold)

    def _regard(self, waited_for: Counter[str]) -> Hold:
        """For those whom fewest jobs are waited for, and for those who have no more under way than they have."""
        if not waited_for:
            return Hold(0.0)
        least = min(waited_for.values())
        live = [user for user, count in waited_for.items() if count == least]
        most = max(1, min(self._open[user] for user in live))
        others = [user for user, count in self._open.items() if user and user not in live and count <= most]
        return Hold(HOLD_SECONDS, live, others)


class Claim:
    """One job's, from its begin to its end."""

    def __init__(self, precedence: Precedence, job: AnyJob, user: str) -> None:
        self.user = user
        self._precedence = precedence
        self._left = FIRST_WORDS if isinstance(job, Generate) else 1
        self._over = False
        self._goes_on = not isinstance(job, Speak)
        """Whether a turn has another stage behind this one."""
        if is_awaited(job) and isinstance(job, Understand | Generate | Speak):
            precedence.press(self)

    def press(self) -> None:
        """Somebody listens for it now."""
        if not self._over and self._left > 0:
            self._precedence.press(self)
            self._precedence.tell(again=True)

    def part(self) -> None:
        """Some of its answer has come."""
        self._left -= 1
        if self._left == 0:
            self._precedence.release(self, over=False, hands_over=self._goes_on)

    def end(self, *, done: bool = False) -> None:
        """It is over: `done`, or one way or another."""
        if not self._over:
            self._over = True
            self._precedence.release(self, over=True, hands_over=done and self._goes_on)
