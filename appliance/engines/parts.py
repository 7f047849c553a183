"""One job's answer on the parent's side, as it comes from the worker."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Literal

import anyio

from appliance.engines import frames
from appliance.errors import ApplianceError, DeadlineExceeded, InternalError
from appliance.jobs import LAST, JobTimes
from appliance.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.engines.precedence import Claim
    from appliance.jobs import AnyPart

log = logger(__name__)


class Parts:
    """One job's answer as it comes. Iterate once; `ApplianceError` is raised where the answer fails."""

    def __init__(
        self, job_id: int, deadline: float, stage: str, tell: Callable[[frames.ToWorker], None], user: str,
        claim: Claim, *, live: bool,
    ) -> None:  # fmt: skip
        self.user, self.stage = user, stage
        self.live = live
        """Whether somebody listens for it."""
        self.promoted = False
        """Whether it became so meanwhile."""
        self._id, self._deadline, self._tell, self._claim = job_id, deadline, tell, claim
        self._arrived: deque[tuple[AnyPart, bytes]] = deque()  # bounded by the window that the worker was granted
        self._news = anyio.Event()
        self._taken = 0
        self._over: ApplianceError | Literal[True] | None = None
        self._sent = time.monotonic()
        self._began: float | None = None
        self._first: float | None = None
        self._ended: float | None = None
        self._late = False
        """Whether a part did not come in time, so that nobody waits for the others."""
        self._whole = False
        """Whether its last part has come, behind which only its end can."""
        self.waiting_since: float | None = None
        """When the client stopped taking parts that lie ready; None while it keeps up."""

    @property
    def ended(self) -> bool:
        """Whether the worker has nothing more to say about the job."""
        return self._over is not None

    @property
    def outcome(self) -> Literal["done", "failed", "aborted"]:
        """How it ended; what is left before it has ended is aborted."""
        if self._late:
            return "failed"
        if self._over is None:
            return "done" if self._whole else "aborted"
        return "done" if self._over is True else "failed"

    @property
    def times(self) -> JobTimes:
        """When it got how far."""
        return JobTimes(self._sent, self._began, self._first, self._ended)

    def put(self, part: AnyPart, payload: bytes, began: float | None = None) -> None:
        """A part came from the worker. `began`: with the first of them, when the worker took the job in hand."""
        if self._first is None:
            self._began, self._first = began, time.monotonic()
        if isinstance(part, LAST):
            self._whole, self._ended = True, time.monotonic()
        if not self._arrived:
            self.waiting_since = anyio.current_time()
        self._arrived.append((part, payload))
        self._claim.part()
        self._news.set()

    def end(self, error: ApplianceError | None = None, began: float | None = None) -> None:
        """The answer is complete, or failed, or nobody wants it. `began`: as in `put`, where no part came."""
        self._claim.end(done=error is None)
        if isinstance(error, InternalError):  # its worker's own line says where
            log.error("job failed in its worker", stage=self.stage, code=error.code)
        if self._over is None:
            self._began, self._ended = self._began or began, self._ended or time.monotonic()
            self._over = error or True
            self._news.set()

    def leave(self) -> None:
        """Whoever asked is gone, and the worker is not done."""
        self._claim.end()
        self._ended = self._ended or time.monotonic()

    def promote(self) -> None:
        """Somebody listens for it now: it goes before all that is not live."""
        self.live = self.promoted = True
        if self._over is None:
            self._tell(frames.Promote(self._id))
            self._claim.press()

    def __aiter__(self) -> Parts:
        return self

    async def __anext__(self) -> tuple[AnyPart, bytes]:
        with anyio.move_on_after(self._deadline):
            while not self._arrived and self._over is None:
                self._news = anyio.Event()
                await self._news.wait()
        if isinstance(self._over, ApplianceError):
            raise self._over
        if self._arrived:
            return self._take()
        if self._over is None:
            self._late, self._ended = True, self._ended or time.monotonic()
            raise DeadlineExceeded(f"The {self.stage} stage gave no answer within {self._deadline:g} s.")
        raise StopAsyncIteration

    def _take(self) -> tuple[AnyPart, bytes]:
        taken = self._arrived.popleft()
        self.waiting_since = anyio.current_time() if self._arrived else None
        self._taken += 1
        if self._taken == frames.WINDOW // 2 and self._over is None:
            self._tell(frames.Grant(self._id, self._taken))
            self._taken = 0
        return taken
