"""Live utterances: those of several conversations that wait at the same moment share one pass."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

import numpy as np

from appliance.audio import SAMPLE_BYTES
from appliance.engines.fairness import in_turn
from appliance.engines.interleave import RANKS, Emission
from appliance.engines.samples import samples_of
from appliance.engines.whisper.counts import Counts
from appliance.engines.whisper.guards import endless, missed, said_nothing
from appliance.engines.whisper.short import Wanted
from appliance.errors import InternalError, RequestError
from appliance.jobs import STT_RATE, UTTERANCE_SECONDS, Understand, Understood
from appliance.logs import logger, place_of

if TYPE_CHECKING:
    from appliance.engines.whisper.short import Found, ShortPass

log = logger(__name__)

ALIKE: Final = 1.25
"""In one pass the longest input is at most so many times as long as the shortest: padding costs as much as speech."""
NARROW: Final = 4
"""Where so few can share a pass, it takes almost as much longer for each of them."""
LEAST_SAMPLES: Final = STT_RATE // 100
PARAM: Final = "audio"


@dataclass(slots=True, eq=False)
class _Utterance:
    id: int
    wanted: Wanted
    rank: int
    number: int
    request_id: str
    hints: int
    user: str
    began: float | None = None
    """When its first pass began."""
    again: bool = False
    """Whether it is heard for the second time, with the full context."""


class Utterances:
    """Those that wait; `together` of one rank share a pass at most, and the higher rank goes first.

    Users take turns; between them a guess counts as much as a turn that is over, else it would never be in time beside
    a crowd. Where few can share a pass, each of them makes it longer: so nobody's only utterance is heard together with
    one of a user's who has more of them.
    """

    def __init__(self, short: ShortPass, together: int, counts: Counts | None = None) -> None:
        self.short, self._together, self.counts = short, together, counts or Counts()
        self._waiting: list[_Utterance] = []
        self._numbers = count()
        self._passes = 0
        self._served: dict[str, int] = {}
        """The pass in which each user was served last."""

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, job_id: int, job: Understand, payload: bytes, request_id: str, user: str = "") -> None:
        """Queue one. Raises `RequestError`: `audio_empty`, `audio_too_long`, or an unknown language."""
        self.short.check(job.language)
        if len(payload) % SAMPLE_BYTES or len(payload) < LEAST_SAMPLES * SAMPLE_BYTES:
            raise RequestError(
                f"The utterance has {len(payload)} bytes; it must be whole 16-bit samples, {LEAST_SAMPLES} at least.",
                code="audio_empty",
                param=PARAM,
            )
        seconds = len(payload) / SAMPLE_BYTES / STT_RATE
        if seconds > UTTERANCE_SECONDS:
            raise RequestError(
                f"The utterance is {seconds:.1f} s long; the limit is {UTTERANCE_SECONDS:g} s.",
                code="audio_too_long",
                param=PARAM,
            )
        wanted = Wanted(samples_of(payload), job.language, prompt=job.prompt, hotwords=job.hotwords)
        hints = self.short.hint_tokens(wanted)
        self._waiting.append(
            _Utterance(job_id, wanted, RANKS[job.priority], next(self._numbers), request_id, hints, user)
        )  # fmt: skip

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
        """Understand the first, and those that can go with it; who is not sure waits to be heard again."""
        batch, now = self._batch(), time.monotonic()
        for each in batch:
            each.began = each.began or now
        try:
            found = self.short.hear([each.wanted for each in batch], full=batch[0].again)
        except Exception as error:  # noqa: BLE001 - one pass's fault must not end the worker
            log.error("utterances failed", request_ids=[each.request_id for each in batch], **place_of(error))
            failure = InternalError("The engine failed on this utterance.")
            return [Emission(each.id, error=failure, began=each.began) for each in batch]
        self.counts.together.note(len(batch))
        said: list[Emission] = []
        for each, heard in zip(batch, found, strict=True):
            unclear = missed(heard.text, heard.no_speech_prob) or not (heard.sure or _nothing(each.wanted, heard))
            if each.again or not unclear:
                understood = _understood(each, heard)
                self.counts.live_seconds += each.wanted.seconds
                self.counts.nothing_heard += not understood.text
                said += [Emission(each.id, understood, began=each.began), Emission(each.id)]
            else:
                each.again, each.number = True, next(self._numbers)
                self._waiting.append(each)
        return said

    def _batch(self) -> list[_Utterance]:
        turns = in_turn(self._waiting)
        spoken = [each for each in turns if each.rank <= RANKS["typed"]] or turns
        counts = Counter(each.user for each in spoken)
        last = min(self._served.get(user, 0) for user in counts)
        first = next(each for each in spoken if self._served.get(each.user, 0) == last)
        alike = [
            each
            for each in turns
            if (each.rank, each.hints, each.again) == (first.rank, first.hints, first.again)
            and (self._together > NARROW or counts[each.user] <= counts[first.user])
        ]
        alike.sort(key=lambda each: each is not first)
        batch: list[_Utterance] = []
        shortest = longest = self.short.frames(first.wanted.seconds)
        for each in alike:
            frames = self.short.frames(each.wanted.seconds)
            low, high = min(shortest, frames), max(longest, frames)
            if len(batch) < self._together and (each.again or high <= ALIKE * low):
                shortest, longest = low, high
                batch.append(each)
        self._waiting = [each for each in self._waiting if each not in batch]
        self._passes += 1
        self._served = {user: at for user, at in self._served.items() if user in counts}
        self._served |= {each.user: self._passes for each in batch}
        return batch


def _nothing(wanted: Wanted, found: Found) -> bool:
    level = float(np.sqrt(np.mean(np.square(wanted.samples))))
    hints = [each for each in (wanted.prompt, wanted.hotwords) if each]
    return said_nothing(found.text, found.no_speech_prob, found.avg_logprob, level=level, hints=hints)


def _understood(utterance: _Utterance, found: Found) -> Understood:
    """A text that cannot be speech even with the full context is no text."""
    wanted = utterance.wanted
    nothing = _nothing(wanted, found) or endless(found.text, wanted.seconds, found.compression_ratio)
    return Understood(
        text="" if nothing else found.text.strip(),
        language=found.language,
        language_probability=found.language_probability,
        avg_logprob=found.avg_logprob,
        no_speech_prob=found.no_speech_prob,
    )
