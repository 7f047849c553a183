"""The turn stage as its worker drives it: windows of live streams at once, what takes longer on a thread beside."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Final

from appliance.audio import SAMPLE_BYTES
from appliance.engines.interleave import Emission
from appliance.engines.turn.silero import Silero
from appliance.engines.turn.smart_turn import SmartTurn
from appliance.engines.turn.wake_word import WakeWords
from appliance.errors import ApplianceError, InternalError, NotFound
from appliance.jobs import DETECT_SAMPLES, AnyPart, Detect, Detected, Judge, Judged, Wake, Woken
from appliance.logs import logger, place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.engines.specs import Turn
    from appliance.jobs import AnyJob

log = logger(__name__)

WAIT_SECONDS: Final = 0.005
"""Longest wait for a judgement; between two waits the worker looks at its inbox."""


def load(spec: Turn) -> TurnEngine:
    """Load both models, and listen once: the probe asks only one of them. Raises `ModelUnusable`."""
    silero = Silero()
    silero.detect(b"", bytes(DETECT_SAMPLES * SAMPLE_BYTES))
    # One by default: nobody needs a judgement before the reply, which is being made on the other cores meanwhile.
    return TurnEngine(silero, SmartTurn(spec.path, spec.threads) if spec.path else None, WakeWords(spec.wake_words))


class TurnEngine:
    """An `Engine`. A judgement takes a hundred milliseconds, and no stream may wait so long."""

    untidy = False

    def __init__(self, silero: Silero, smart_turn: SmartTurn | None, wake_words: WakeWords | None = None) -> None:
        self._silero, self._smart_turn, self._wake_words = silero, smart_turn, wake_words or WakeWords({})
        self._waiting: deque[tuple[int, AnyJob, bytes, str]] = deque()
        self._judging: dict[int, tuple[Future[tuple[AnyPart, float]], str]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judge")

    @property
    def busy(self) -> bool:
        """Whether a stream waits, or a judgement is under way."""
        return bool(self._waiting or self._judging)

    def submit(self, job_id: int, job: AnyJob, payload: bytes, *, request_id: str, window: int, user: str = "") -> None:  # noqa: ARG002 - each job has one part
        """Queue a window, or begin to judge."""
        if isinstance(job, Judge) and self._smart_turn is not None:
            self._judging[job_id] = (self._thread.submit(_judge, self._smart_turn, payload), request_id)
        elif isinstance(job, Wake):
            self._judging[job_id] = (self._thread.submit(_wake, self._wake_words, job.names, payload), request_id)
        else:
            self._waiting.append((job_id, job, payload, request_id))

    def grant(self, job_id: int, parts: int) -> None:
        """Each job has one part."""

    def promote(self, job_id: int) -> None:
        """All are as urgent."""

    def abort(self, job_id: int) -> None:
        """Forget a job; a judgement that has begun is thrown away."""
        judging = self._judging.pop(job_id, None)
        if judging is not None:
            judging[0].cancel()
        for waiting in self._waiting:
            if waiting[0] == job_id:
                self._waiting.remove(waiting)
                return

    def step(self) -> list[Emission]:
        """Look at a window, or wait a moment for a judgement."""
        if self._waiting:
            job_id, job, payload, request_id = self._waiting.popleft()
            began = time.monotonic()
            said = self._answer(job_id, lambda: (*self._detect(job, payload), began), request_id)
        else:
            said = []
            wait([future for future, _ in self._judging.values()], WAIT_SECONDS, "FIRST_COMPLETED")
        for job_id, (future, request_id) in list(self._judging.items()):
            if future.done():
                del self._judging[job_id]
                said += self._answer(job_id, partial(_judged, future), request_id)
        return said

    def tidy(self) -> None:
        """Nothing is left lying about."""

    def figures(self) -> None:
        """Nothing is counted: what there is to know of it, the host sees."""

    def _answer(self, job_id: int, work: Callable[[], tuple[AnyPart, bytes, float]], request_id: str) -> list[Emission]:
        try:
            part, payload, began = work()
        except ApplianceError as error:
            return [Emission(job_id, error=error)]
        except Exception as error:  # noqa: BLE001 - one job's fault must not end the others
            log.error("job failed", request_id=request_id, **place_of(error))
            return [Emission(job_id, error=InternalError("The engine failed on this request."))]
        return [Emission(job_id, part, payload, began=began), Emission(job_id)]

    def _detect(self, job: AnyJob, payload: bytes) -> tuple[Detected, bytes]:
        if isinstance(job, Judge):
            raise NotFound("The set of models has none that judges a turn's end.", code="model_not_found")
        assert isinstance(job, Detect)  # noqa: S101 - the host sends each job to its own engine
        probabilities, state = self._silero.detect(payload[: job.state], payload[job.state :])
        return Detected(probabilities=probabilities), state


def _judge(smart_turn: SmartTurn, payload: bytes) -> tuple[Judged, float]:
    """On the thread beside: the probability that the turn is over, and when it began to be judged."""
    began = time.monotonic()
    return Judged(probability=smart_turn.judge(payload)), began


def _wake(wake_words: WakeWords, names: list[str], payload: bytes) -> tuple[Woken, float]:
    """On the thread beside: which wake word was said."""
    began = time.monotonic()
    return Woken(name=wake_words.said(names, payload)), began


def _judged(judgement: Future[tuple[AnyPart, float]]) -> tuple[AnyPart, bytes, float]:
    part, began = judgement.result()
    return part, b"", began
