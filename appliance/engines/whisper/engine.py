"""The listening stage as its worker drives it: live utterances first, recordings beside them."""

from __future__ import annotations

import os
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from faster_whisper import WhisperModel

from appliance.engines.figures import Listening
from appliance.engines.interleave import Emission, Interleaved
from appliance.engines.whisper.counts import Counts
from appliance.engines.whisper.files import Listener
from appliance.engines.whisper.short import ShortPass
from appliance.engines.whisper.utterances import Utterances
from appliance.errors import ApplianceError
from appliance.jobs import Understand

if TYPE_CHECKING:
    from appliance.engines.specs import Whisper
    from appliance.jobs import AnyJob

WIDTH: Final = 4
"""Recordings worked on in turns, so that a short one need not wait for the end of a long one."""

TOGETHER: Final = MappingProxyType({"cpu": 2, "cuda": 16})
"""Utterances in one pass. On two cores, two take 0.8 of the time that they take one by one, and on average are done
when they would be; four take 0.7 to 0.8, but on average are done later, by up to a third."""
PASS_SECONDS: Final = MappingProxyType({"cpu": 30.0, "cuda": 240.0})
"""Of a recording in one pass, with the silence that short stretches need. A live utterance may have to wait for it."""

FILES_EVERY: Final = 4
"""Steps of which one is for recordings, however many utterances wait."""


def load(spec: Whisper) -> WhisperEngine:
    """Load the model; the first job warms it."""
    threads = spec.threads or min(4, os.cpu_count() or 1)
    model = WhisperModel(spec.path, device=spec.device, compute_type=spec.compute_type, cpu_threads=threads)
    short = ShortPass(model, spec.beam_size)
    device = model.model.device
    counts = Counts()
    listener = Listener(short, spec.beam_size, PASS_SECONDS[device], counts)
    return WhisperEngine(Utterances(short, TOGETHER[device], counts), Interleaved(listener.begin, WIDTH))


class WhisperEngine:
    """An `Engine` over both."""

    untidy = False

    def __init__(self, utterances: Utterances, files: Interleaved) -> None:
        self.utterances, self.files = utterances, files
        self._refused: list[Emission] = []
        self._steps = 0

    @property
    def busy(self) -> bool:
        """Whether anything waits."""
        return bool(self.utterances or self._refused) or self.files.busy

    def submit(self, job_id: int, job: AnyJob, payload: bytes, *, request_id: str, window: int, user: str = "") -> None:
        """Queue a job."""
        if not isinstance(job, Understand):
            self.files.submit(job_id, job, payload, request_id=request_id, window=window, user=user)
            return
        try:
            self.utterances.add(job_id, job, payload, request_id, user)
        except ApplianceError as error:
            self._refused.append(Emission(job_id, error=error, began=time.monotonic()))

    def grant(self, job_id: int, parts: int) -> None:
        """Let a recording send more."""
        self.files.grant(job_id, parts)

    def promote(self, job_id: int) -> None:
        """A job goes before all that is not live."""
        self.utterances.promote(job_id)
        self.files.promote(job_id)

    def abort(self, job_id: int) -> None:
        """Forget a job."""
        self._refused = [each for each in self._refused if each.id != job_id]
        if not self.utterances.abort(job_id):
            self.files.abort(job_id)

    def step(self) -> list[Emission]:
        """One pass, or one piece of a recording."""
        refused, self._refused = self._refused, []
        self._steps += 1
        if self.utterances and (self._steps % FILES_EVERY or not self.files.busy):
            return refused + self.utterances.step()
        return refused + self.files.step()

    def tidy(self) -> None:
        """Nothing is left lying about."""

    def figures(self) -> Listening:
        """What was understood so far."""
        counts = self.utterances.counts  # files count there too
        return Listening(
            batch_utterances=counts.together.spread,
            live_seconds=counts.live_seconds,
            file_seconds=counts.file_seconds,
            nothing_heard=counts.nothing_heard,
        )
