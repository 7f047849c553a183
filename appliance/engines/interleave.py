"""Many jobs over one handle that cannot be shared: each step advances one of them by one part.

Every engine has the same face: `submit`, `grant`, `abort`, and `step`, called by one thread. This one serves any
engine whose job is a lazy iterator. Up to `width` jobs run at once and take turns, the others wait in order. Live jobs
go before typed ones and these before background ones: a job waits only for the places of its own rank and above. Users
take turns, and who has no place gets one beside those of others who have all of them.
The language engine's scheduler stands behind the same face.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol

from appliance.engines.fairness import in_turn
from appliance.errors import ApplianceError, InternalError
from appliance.jobs import AnyJob, AnyPart, Priority
from appliance.logs import logger, place_of

if TYPE_CHECKING:
    from appliance.engines.figures import Figures

log = logger(__name__)

Progress = tuple[AnyPart, bytes] | None
"""A part with its payload, or None: nothing to show yet, but work was done."""

RANKS: Final[dict[Priority, int]] = {"live": 0, "typed": 1, "background": 2}
LOWER_EVERY: Final = 4
"""Steps, and openings, of which one is for whoever has waited longest, so that nothing starves."""

Begin = Callable[[AnyJob, bytes], Iterator[Progress]]


@dataclass(frozen=True, slots=True)
class Emission:
    """Something that job `id` has to say: a part, its end, or (`error`) its failure."""

    id: int
    part: AnyPart | None = None
    payload: bytes = b""
    error: ApplianceError | None = None
    began: float | None = None
    """With the first of each job: when work on it began, in seconds of `time.monotonic()`."""


class Engine(Protocol):
    """What a worker drives. None of these blocks but `step`, which does one bounded piece of work."""

    @property
    def busy(self) -> bool:
        """Whether `step` has anything to do."""

    def submit(self, job_id: int, job: AnyJob, payload: bytes, *, request_id: str, window: int, user: str = "") -> None:
        """Take a job of a user's; it may send `window` parts before a grant."""

    def grant(self, job_id: int, parts: int) -> None:
        """Let a job send more."""

    def promote(self, job_id: int) -> None:
        """Somebody listens for a job now: it goes before all that is not live; unknown ids are fine."""

    def abort(self, job_id: int) -> None:
        """Forget a job at once and free what it holds; unknown ids are fine."""

    def step(self) -> list[Emission]:
        """Do one piece of work."""

    @property
    def untidy(self) -> bool:
        """Whether there is something to tidy up when nobody wants anything."""

    def tidy(self) -> None:
        """Do one short piece of that."""

    def figures(self) -> Figures | None:
        """What it has done; called by another thread at any time."""


@dataclass(slots=True)
class _Job:
    id: int
    job: AnyJob
    payload: bytes
    request_id: str
    window: int
    rank: int
    user: str
    number: int
    """Order of arrival."""
    parts: Iterator[Progress] | None = field(default=None)
    began: float | None = None
    """When its first step was; None again once that was told."""

    def emission(
        self, part: AnyPart | None = None, payload: bytes = b"", error: ApplianceError | None = None
    ) -> Emission:  # fmt: skip
        """Something that it has to say."""
        began, self.began = self.began, None
        return Emission(self.id, part, payload, error, began)


class Interleaved:
    """An `Engine` over lazy iterators; `begin` opens one for a job."""

    untidy = False

    def __init__(self, begin: Begin, width: int, figures: Callable[[], Figures | None] = lambda: None) -> None:
        self.figures = figures
        """What was done, as whoever does it counts it."""
        self._begin = begin
        self._width = width
        self._steps = self._openings = 0
        self._numbers = count()
        self._served: dict[str, int] = {}
        """The step in which each user with an open job was served last."""
        self._open: deque[_Job] = deque()
        self._waiting: deque[_Job] = deque()

    @property
    def busy(self) -> bool:
        """Whether an open job may send, or a waiting one may open."""
        return self._running() > 0 or bool(self._waiting)

    def submit(self, job_id: int, job: AnyJob, payload: bytes, *, request_id: str, window: int, user: str = "") -> None:
        """Queue a job."""
        rank = RANKS[getattr(job, "priority", "typed")]
        self._waiting.append(_Job(job_id, job, payload, request_id, window, rank, user, next(self._numbers)))

    def promote(self, job_id: int) -> None:
        """A job is live from now on."""
        for job in (*self._open, *self._waiting):
            if job.id == job_id:
                job.rank = RANKS["live"]

    def grant(self, job_id: int, parts: int) -> None:
        """Let a job send more."""
        for job in (*self._open, *self._waiting):
            if job.id == job_id:
                job.window += parts

    def abort(self, job_id: int) -> None:
        """Close the job's iterator, which frees what it holds."""
        for queue in (self._open, self._waiting):
            for job in queue:
                if job.id == job_id:
                    queue.remove(job)
                    _close(job)
                    return

    def step(self) -> list[Emission]:
        """Advance one job by one part: the live ones take turns before the others, which get every fourth step."""
        self._steps += 1
        while (first := self._next()) is not None:
            self._openings += 1
            self._waiting.remove(first)
            self._open.append(first)
        able = [job for job in self._open if job.window > 0]
        if not able:
            return []
        if self._steps % LOWER_EVERY == 0:
            job = able[0]
        else:  # of the highest rank, whoever was not served for longest; of theirs the first, which has waited longest
            job = min(able, key=lambda each: (each.rank, self._served.get(each.user, 0)))
            self._served = {each.user: self._served.get(each.user, 0) for each in self._open}
            self._served[job.user] = self._steps
        self._open.remove(job)
        return self._advance(job)

    def tidy(self) -> None:
        """Nothing is left lying about."""

    def _next(self) -> _Job | None:
        """The waiting job that may open now. Lower ones that run already are no reason for a higher one to wait."""
        if not self._waiting:
            return None
        able = [job for job in self._open if job.window > 0]
        served = {job.user for job in able}
        turn = in_turn(self._waiting, able)[0]
        wide = 2 * self._width
        first = [(turn, self._width if turn.user in served else wide)]
        if self._openings % LOWER_EVERY == LOWER_EVERY - 1:
            first.insert(0, (self._waiting[0], wide if len(served) > 1 else self._width))
        return next((job for job, places in first if self._running(job.rank) < places), None)

    def _running(self, lowest: int = max(RANKS.values())) -> int:
        """Open jobs of this rank or above that may send; one whose client is behind takes no other's turn."""
        return sum(job.window > 0 and job.rank <= lowest for job in self._open)

    def _advance(self, job: _Job) -> list[Emission]:
        try:
            if job.parts is None:
                job.began = time.monotonic()
                job.parts = self._begin(job.job, job.payload)
                job.payload = b""
            progress = next(job.parts)
        except StopIteration:
            return [job.emission()]
        except ApplianceError as error:
            return [job.emission(error=error)]
        except Exception as error:  # noqa: BLE001 - one job's fault must not end the others
            log.error("job failed", request_id=job.request_id, **place_of(error))
            return [job.emission(error=InternalError("The engine failed on this request."))]
        self._open.append(job)
        if progress is None:
            return []
        job.window -= 1
        part, payload = progress
        return [job.emission(part, payload)]


def _close(job: _Job) -> None:
    close = getattr(job.parts, "close", None)
    if close is None:
        return
    try:
        close()
    except Exception as error:  # noqa: BLE001 - one job's clean-up must not end the others
        log.error("job not closed", request_id=job.request_id, **place_of(error))
