"""Live utterances: those of several conversations that wait at the same moment share one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from appliance.engines.interleave import RANKS, Emission
from appliance.engines.whisper.guards import said_nothing
from appliance.engines.whisper.short import Found, Wanted
from appliance.errors import ApplianceError, InternalError, RequestError
from appliance.jobs import STT_RATE, UTTERANCE_SECONDS, Understand, Understood
from appliance.logs import logger, place_of

if TYPE_CHECKING:
    from appliance.engines.whisper.short import ShortPass

log = logger(__name__)

ALIKE: Final = 1.5
"""In one pass the longest is at most so many times as long as the shortest: padding costs as much as speech."""
LEAST_SAMPLES: Final = STT_RATE // 100
FULL_SCALE: Final = 32_768.0


@dataclass(slots=True, eq=False)
class _Utterance:
    id: int
    wanted: Wanted
    rank: int
    number: int
    request_id: str
    hints: int


class Utterances:
    """Those that wait; `together` share a pass at most."""

    def __init__(self, short: ShortPass, together: int) -> None:
        self._short, self._together = short, together
        self._waiting: list[_Utterance] = []
        self._number = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, job_id: int, job: Understand, payload: bytes, request_id: str) -> None:
        """Queue one. Raises `RequestError` for a wrong form."""
        self._short.check(job.language)
        samples = np.frombuffer(payload[: len(payload) & ~1], dtype="<i2").astype(np.float32) / FULL_SCALE
        if samples.size < LEAST_SAMPLES or len(payload) % 2:
            raise RequestError("The utterance has no whole 16-bit samples.", code="audio_empty", param="audio")
        if samples.size > UTTERANCE_SECONDS * STT_RATE:
            raise RequestError(
                f"The utterance is longer than {UTTERANCE_SECONDS:g} s.", code="audio_too_long", param="audio"
            )
        wanted = Wanted(samples, job.language, prompt=job.prompt, hotwords=job.hotwords)
        self._number += 1
        rank, hints = RANKS[job.priority], self._short.hints(wanted)
        self._waiting.append(_Utterance(job_id, wanted, rank, self._number, request_id, hints))

    def promote(self, job_id: int) -> None:
        """One is live from now on."""
        for each in self._waiting:
            if each.id == job_id:
                each.rank = RANKS["live"]

    def abort(self, job_id: int) -> bool:
        """Forget one; whether it was there."""
        before = len(self._waiting)
        self._waiting = [each for each in self._waiting if each.id != job_id]
        return len(self._waiting) < before

    def step(self) -> list[Emission]:
        """Understand the first, and those that can go with it."""
        batch = self._batch()
        try:
            found = self._short.hear([each.wanted for each in batch])
        except Exception as error:  # noqa: BLE001 - one batch's fault must not end the others
            return [self._failed(each, error) for each in batch]
        said: list[Emission] = []
        for each, heard in zip(batch, found, strict=True):
            try:
                said += [Emission(each.id, self._understood(each, heard)), Emission(each.id)]
            except Exception as error:  # noqa: BLE001 - the same
                said.append(self._failed(each, error))
        return said

    def _batch(self) -> list[_Utterance]:
        self._waiting.sort(key=lambda each: (each.rank, each.number))
        first = self._waiting[0]
        size = self._short.frames(first.wanted.seconds)
        batch = [
            each
            for each in self._waiting
            if each.rank == first.rank
            and each.hints == first.hints
            and max(size, self._short.frames(each.wanted.seconds))
            <= ALIKE * min(size, self._short.frames(each.wanted.seconds))
        ][: self._together]
        self._waiting = [each for each in self._waiting if each not in batch]
        return batch

    def _understood(self, utterance: _Utterance, found: Found) -> Understood:
        if not found.sure and not said_nothing(found.text, found.no_speech_prob, found.avg_logprob):
            found = self._the_long_way(utterance.wanted, found)
        nothing = said_nothing(found.text, found.no_speech_prob, found.avg_logprob)
        return Understood(
            text="" if nothing else found.text.strip(),
            language=found.language,
            language_probability=found.language_probability,
            avg_logprob=found.avg_logprob,
            no_speech_prob=found.no_speech_prob,
        )

    def _the_long_way(self, wanted: Wanted, found: Found) -> Found:
        """faster-whisper's own way, with the full context and its own second thoughts."""
        segments: list[Any] = list(
            self._short.model.transcribe(
                wanted.samples,
                language=found.language,
                initial_prompt=wanted.prompt,
                hotwords=wanted.hotwords,
                beam_size=1,
                temperature=[0.0, 0.2, 0.4],
                condition_on_previous_text=False,
                without_timestamps=True,
            )[0]
        )
        if not segments:
            return Found("", [], found.language, found.language_probability, 0.0, 0.0, 1.0, sure=True)
        return Found(
            "".join(segment.text for segment in segments), [], found.language, found.language_probability,
            float(np.mean([segment.avg_logprob for segment in segments])), 0.0,
            float(max(segment.no_speech_prob for segment in segments)), sure=True,
        )  # fmt: skip

    def _failed(self, utterance: _Utterance, error: Exception) -> Emission:
        if isinstance(error, ApplianceError):
            return Emission(utterance.id, error=error)
        log.error("utterance failed", request_id=utterance.request_id, **place_of(error))
        return Emission(utterance.id, error=InternalError("The engine failed on this utterance."))
