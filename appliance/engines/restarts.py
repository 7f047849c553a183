"""How often a host has replaced its worker, how long it waits before the next one, and when it is late itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import anyio

if TYPE_CHECKING:
    from appliance.settings import Workers

BACK_OFF_SECONDS: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
HEALTHY_SECONDS: Final = 60.0
"""A worker that served so long starts the back-off afresh."""
STEP_SECONDS: Final = 5.0
"""Time for a step that is a matter of moments: a process started, or ended and gone."""
LOADING_SECONDS: Final = 30.0
"""So long at least a worker that loads may be silent: it cannot send a heartbeat while a library that makes its model
holds Python's lock, which takes seconds on a slow box."""


class Restarts:
    """Of one host's workers. Times are of `anyio.current_time`, in seconds."""

    def __init__(self, watch: Workers) -> None:
        self._watch = watch
        self.silence = self._loading = max(watch.silent_seconds, LOADING_SECONDS)
        """Seconds that the worker may say nothing, as far as it is."""
        self._attempt = 0
        self._began = 0.0
        self._reason = ""
        self.count = 0
        """Workers that have ended."""
        self.due = math.inf
        """When the host has to have taken its next step; one that was never begun is not late."""

    def begin(self) -> None:
        """A worker is to be started."""
        self._began = anyio.current_time()
        self.silence = self._loading
        self.step()

    def loaded(self) -> float:
        """The worker has its model: seconds that it may say nothing from now on."""
        self.silence = self._watch.silent_seconds
        self.step()
        return self.silence

    def step(self) -> None:
        """The host gets on: its worker was heard, is started or is ended."""
        self.due = anyio.current_time() + self._patience

    @property
    def _patience(self) -> float:
        return self.silence + self._watch.beat_seconds + STEP_SECONDS

    @property
    def loading(self) -> str:
        """What a worker does at first, and why there had to be another one."""
        return f"the model is being loaded again, as {self._reason}" if self._reason else "the model is being loaded"

    def pause(self, reason: str) -> float:
        """A worker has ended for a reason: seconds to wait before the next one."""
        self._reason = reason
        if anyio.current_time() - self._began > HEALTHY_SECONDS:
            self._attempt = 0
        pause = BACK_OFF_SECONDS[min(self._attempt, len(BACK_OFF_SECONDS) - 1)]
        self._attempt += 1
        self.count += 1
        self.due = anyio.current_time() + pause + self._patience
        return pause
