"""Stages that are waited for: a job whose worker died before it said anything is sent again to the next one.

Somebody who talks to the box would rather be answered some seconds later than be told that a process has died, or that
too many talk. Jobs carry all that they need, so it makes no difference which worker answers. Half an answer is not
begun again, and nor is a job that has had two workers: it may be what they died of (`InternalError`).
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio

from appliance.errors import EngineDown, InternalError, Overloaded
from appliance.jobs import JobTimes, Prepare, Understand, live
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from appliance.jobs import AnyJob, AnyPart
    from appliance.voice.stages import Answer, Stage

PATIENCE_SECONDS: Final = 20.0
"""Longest wait for a worker: twice as long as one takes at most to be back on a box that has its machine to itself."""
RETRY_SECONDS: Final = 0.25
MOST_WORKERS: Final = 2
"""That a job is given to."""


def patient(stages: Stages) -> Stages:
    """The same stages, waited for. Not the one that notices turns: what it was not given waits in the microphone."""
    return Stages(Patient(stages.stt), Patient(stages.llm), Patient(stages.tts), stages.turn, stages.embed)


class Patient:
    """A stage whose jobs wait up to `PATIENCE_SECONDS` for a worker and for room. Raises `Unavailable` after that.

    Looks and preparations do not wait: later they would be of no use.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def stream(self, job: AnyJob, payload: bytes = b"") -> AbstractAsyncContextManager[Answer]:
        """Send a job, as soon as its answer is asked for and there is somebody to send it to."""
        if isinstance(job, Prepare) or (isinstance(job, Understand) and job.priority == "background"):
            return self._stage.stream(job, payload)
        return self._wait(job, payload)

    @asynccontextmanager
    async def _wait(self, job: AnyJob, payload: bytes) -> AsyncIterator[PatientAnswer]:
        async with AsyncExitStack() as stack:
            yield PatientAnswer(self._stage, job, payload, stack)


class PatientAnswer:
    """The parts of whichever worker's answer begins."""

    def __init__(self, stage: Stage, job: AnyJob, payload: bytes, stack: AsyncExitStack) -> None:
        self._stage, self._job, self._payload, self._stack = stage, job, payload, stack
        self._answer: Answer | None = None
        self._before = JobTimes()
        self._workers = 0
        self._begun = self._promoted = False

    @property
    def times(self) -> JobTimes:
        """Of the last worker that it was sent to."""
        return self._answer.times if self._answer is not None else self._before

    def __aiter__(self) -> PatientAnswer:
        return self

    async def __anext__(self) -> tuple[AnyPart, bytes]:
        """The next part."""
        while True:
            answer = self._answer or await self._send()
            try:
                part = await anext(answer)
            except EngineDown:
                if self._begun:
                    raise
                if self._workers == MOST_WORKERS:
                    raise InternalError("Two workers failed on this, one after the other.") from None
                self._answer, self._before = None, answer.times
                await self._stack.aclose()
            else:
                self._begun = True
                return part

    async def _send(self) -> Answer:
        """Wait for a worker that takes the job; it is live by then if somebody listens."""
        until = anyio.current_time() + PATIENCE_SECONDS
        while True:
            try:
                job = live(self._job) if self._promoted else self._job
                answer = await self._stack.enter_async_context(self._stage.stream(job, self._payload))
            except (EngineDown, Overloaded):
                if anyio.current_time() >= until:
                    raise
                await anyio.sleep(RETRY_SECONDS)
            else:
                break
        self._workers += 1
        self._answer = answer
        return answer

    def promote(self) -> None:
        """Somebody listens for it now, whoever answers."""
        self._promoted = True
        if self._answer is not None:
            self._answer.promote()
