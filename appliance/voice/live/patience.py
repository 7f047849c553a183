"""Stages that are waited for: a job whose worker died before it said anything is sent again to the next one.

Somebody who talks to the box would rather be answered some seconds later than be told that a process has died. Jobs
carry all that they need, so it makes no difference which worker answers. Half an answer is not begun again.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio

from appliance.errors import EngineDown
from appliance.jobs import Prepare, Understand
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from appliance.jobs import AnyJob, AnyPart
    from appliance.voice.stages import Answer, Stage

PATIENCE_SECONDS: Final = 10.0
"""Longest wait for a worker; most are back sooner."""
RETRY_SECONDS: Final = 0.25


def patient(stages: Stages) -> Stages:
    """The same stages, waited for. Not the one that notices turns: what it was not given waits in the microphone."""
    return Stages(Patient(stages.stt), Patient(stages.llm), Patient(stages.tts), stages.turn)


class Patient:
    """A stage whose jobs wait up to `PATIENCE_SECONDS` for a worker. Raises `EngineDown` after that.

    Looks and preparations do not wait: later they would be of no use.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    @asynccontextmanager
    async def stream(self, job: AnyJob, payload: bytes = b"") -> AsyncIterator[PatientAnswer]:
        """Send a job, as soon as there is somebody to send it to; its answer."""
        idle = isinstance(job, Prepare) or (isinstance(job, Understand) and job.priority == "background")
        async with AsyncExitStack() as stack:
            answer = PatientAnswer(self._stage, job, payload, stack, 0.0 if idle else PATIENCE_SECONDS)
            await answer.send()
            yield answer


class PatientAnswer:
    """The parts of whichever worker's answer begins."""

    def __init__(self, stage: Stage, job: AnyJob, payload: bytes, stack: AsyncExitStack, patience: float) -> None:
        self._stage, self._job, self._payload, self._stack = stage, job, payload, stack
        self._until = anyio.current_time() + patience
        self._answer: Answer
        self._begun = self._promoted = False

    async def send(self) -> None:
        """Wait for a worker that takes the job."""
        while True:
            try:
                self._answer = await self._stack.enter_async_context(self._stage.stream(self._job, self._payload))
            except EngineDown as error:
                await self._wait(error)
            else:
                break
        if self._promoted:
            self._answer.promote()

    def __aiter__(self) -> PatientAnswer:
        return self

    async def __anext__(self) -> tuple[AnyPart, bytes]:
        """The next part."""
        while True:
            try:
                part = await anext(self._answer)
            except EngineDown as error:
                await self._stack.aclose()
                await self._wait(error)
                await self.send()
            else:
                self._begun = True
                return part

    def promote(self) -> None:
        """Somebody listens for it now, whoever answers."""
        self._promoted = True
        self._answer.promote()

    async def _wait(self, error: EngineDown) -> None:
        if self._begun or anyio.current_time() >= self._until:
            raise error
        await anyio.sleep(RETRY_SECONDS)
