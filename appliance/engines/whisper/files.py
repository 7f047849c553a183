"""Recordings to words. A job is one recording; its parts are `Heard` and then segments.

A recording is cut at pauses into stretches (`STRETCH_SECONDS` at most), so that memory stays bounded and an abort
takes effect soon. A single short stretch without word times takes the fast path: Whisper's encoder is given the
utterance and `PADDING_SECONDS` more instead of 30 s of mostly silence, and the language is read off the same pass. A
guard sends what looks like a repetition loop or a guess back to faster-whisper's own path with the full context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps

from appliance.engines.decoding import PARAM, decode
from appliance.engines.whisper.short import Wanted
from appliance.errors import RequestError
from appliance.jobs import STT_RATE, UTTERANCE_SECONDS, Heard, Segment, Transcribe, Word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from appliance.engines.interleave import Progress
    from appliance.engines.whisper.short import Found, ShortPass
    from appliance.jobs import AnyJob

    Samples = NDArray[np.float32]

STRETCH_SECONDS: Final = 240.0


class Listener:
    """Owns the model."""

    def __init__(self, short: ShortPass, beam_size: int) -> None:
        self._short, self._model, self._beam_size = short, short.model, beam_size

    def begin(self, job: AnyJob, payload: bytes) -> Iterator[Progress]:
        """Parts of one transcription."""
        assert isinstance(job, Transcribe)  # noqa: S101 - the host sends each job to its own engine
        self._short.check(job.language)
        samples: Samples | None = None
        for decoded in decode(payload, job.max_seconds):
            samples = decoded
            yield None
        assert samples is not None  # noqa: S101 - decode ends with the samples or raises
        speech = get_speech_timestamps(samples, VadOptions(min_silence_duration_ms=500, speech_pad_ms=200))
        yield None
        if not speech:
            raise RequestError("No speech was found in the audio.", code="audio_silent", param=PARAM)
        seconds = samples.size / STT_RATE
        first, last = speech[0]["start"], speech[-1]["end"]
        once = None
        if not job.words and last - first <= UTTERANCE_SECONDS * STT_RATE:
            once = self._one(job, samples[first:last], first / STT_RATE)
        if once is not None:
            segment, found = once
            language, probability = found.language, found.language_probability
            yield Heard(seconds=seconds, language=language, language_probability=probability), b""
            yield segment, b""
        else:
            yield from self._long(job, samples, speech)

    def _one(self, job: Transcribe, samples: Samples, offset: float) -> tuple[Segment, Found] | None:
        """One utterance in one pass; None if the result is not to be trusted."""
        (found,) = self._short.hear(
            [Wanted(samples, job.language, job.task, prompt=job.prompt, temperature=job.temperature)]
        )  # fmt: skip
        if not found.sure:
            return None
        segment = Segment(
            id=0, start=round(offset, 3), end=round(offset + samples.size / STT_RATE, 3), text=found.text,
            tokens=found.tokens, temperature=job.temperature, avg_logprob=found.avg_logprob,
            compression_ratio=found.compression_ratio, no_speech_prob=found.no_speech_prob,
        )  # fmt: skip
        return segment, found

    def _long(self, job: Transcribe, samples: Samples, speech: list[dict[str, int]]) -> Iterator[Progress]:
        """faster-whisper's own way, one stretch after another."""
        language, number, seconds = job.language, 0, samples.size / STT_RATE
        for start, end in stretches(speech, int(STRETCH_SECONDS * STT_RATE)):
            segments, info = self._model.transcribe(
                samples[start:end],
                language=language,
                task=job.task,
                initial_prompt=job.prompt,
                temperature=job.temperature or [0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
                beam_size=self._beam_size,
                word_timestamps=job.words,
                condition_on_previous_text=False,
                vad_filter=True,
            )
            yield None
            for segment in segments:
                if number == 0:  # a stretch without words, noise or music, says nothing about the language
                    language = info.language
                    probability = float(info.language_probability)
                    yield Heard(seconds=seconds, language=language, language_probability=probability), b""
                yield _segment(segment, number, start / STT_RATE), b""
                number += 1
        if number == 0:
            raise RequestError("No words were found in the audio.", code="audio_silent", param=PARAM)


def stretches(speech: list[dict[str, int]], longest: int) -> Iterator[tuple[int, int]]:
    """Join neighbouring spoken parts (samples from `start` to `end`) to stretches of at most `longest` samples.

    A spoken part that is longer by itself is cut.
    """
    begin, end = speech[0]["start"], speech[0]["start"]
    for part in speech:
        if part["end"] - begin > longest and end > begin:
            yield begin, end
            begin = part["start"]
        end = part["end"]
        while end - begin > longest:
            yield begin, begin + longest
            begin += longest
    if end > begin:
        yield begin, end


def _segment(segment: Any, number: int, offset: float) -> Segment:
    # faster-whisper mixes NumPy's floats in, which the socket's encoding does not know.
    return Segment(
        id=number,
        start=round(float(segment.start) + offset, 3),
        end=round(float(segment.end) + offset, 3),
        text=segment.text,
        tokens=list(segment.tokens),
        temperature=float(segment.temperature or 0.0),
        avg_logprob=float(segment.avg_logprob),
        compression_ratio=float(segment.compression_ratio),
        no_speech_prob=float(segment.no_speech_prob),
        words=[
            Word(
                word.word,
                round(float(word.start) + offset, 3),
                round(float(word.end) + offset, 3),
                float(word.probability),
            )
            for word in segment.words or []
        ],
    )
