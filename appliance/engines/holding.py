"""What a worker leaves alone for a while, so that another one has the cores for something that somebody waits for.

On few cores three busy workers make each other three times slower; who listens for a reply hears all of it. It slows
others down, but starves nobody: a held worker takes a step every `HELD_SECONDS`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.engines.frames import Hold

if TYPE_CHECKING:
    from collections.abc import Callable

HELD_SECONDS: Final = 2.0
"""Longest time between two steps of a worker that has something to do."""
NEW_SECONDS: Final = 0.2
"""What a turn goes on with from one stage to the next is so new: a draft, which is not live, is told from the user's
other work by that."""


@dataclass(slots=True)
class _Job:
    user: str
    live: bool
    since: float


class Holding:
    """A worker's jobs, as far as they matter here, and what it was told last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._jobs: dict[int, _Job] = {}
        self._hold, self._until = Hold(0.0), 0.0
        self._stepped = clock()

    def started(self, job_id: int, user: str, *, live: bool) -> None:
        """A job came."""
        self._jobs[job_id] = _Job(user, live, self._clock())

    def promoted(self, job_id: int) -> None:
        """A job is live from now on; unknown ids are fine."""
        if job_id in self._jobs:
            self._jobs[job_id].live = True

    def ended(self, job_id: int) -> None:
        """A job is over; unknown ids are fine."""
        self._jobs.pop(job_id, None)

    def told(self, hold: Hold) -> None:
        """From now on this holds, and nothing that was said before."""
        self._hold, self._until = hold, self._clock() + hold.seconds

    def stepped(self) -> None:
        """The worker took a step."""
        self._stepped = self._clock()

    @property
    def seconds(self) -> float:
        """Until the next step may be taken; 0: now."""
        now = self._clock()
        while now >= self._until and (then := self._hold.then) is not None:
            self._hold, self._until = then, self._until + then.seconds
        if now >= self._until or any(self._exempt(job, now) for job in self._jobs.values()):
            return 0.0
        return max(0.0, min(self._until, self._stepped + HELD_SECONDS) - now)

    def _exempt(self, job: _Job, now: float) -> bool:
        if job.user not in self._hold.live:
            return job.user in self._hold.others
        between_stages = self._hold.then is not None
        return job.live or (between_stages and now - job.since < NEW_SECONDS)
