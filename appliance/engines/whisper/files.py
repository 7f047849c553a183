"""Recordings to words. A job is one recording; its parts are `Heard` and then segments. A recording that is only to be
kept is one part, as Opus.

A recording is cut at pauses into stretches. A single one is an utterance like a live one, and one segment. Of more,
several share a pass, with the context that the longest one needs instead of 30 s for each, and their segments are
Whisper's sentences. What the guard does not trust goes through faster-whisper's own path, with the full context and
higher temperatures. With word times, all goes there: it has the alignment. So do long stretches where only one of them
would be in a pass: nothing is saved then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from appliance.encoding import ClipEncoder
from appliance.engines.decoding import PARAM, decode
from appliance.engines.whisper.counts import Counts
from appliance.engines.whisper.guards import said_nothing
from appliance.engines.whisper.sentences import sentences
from appliance.engines.whisper.short import FRAMES_A_SECOND, Wanted
from appliance.engines.whisper.stretches import PAUSE_SAMPLES, Span, spoken, stretches
from appliance.errors import RequestError
from appliance.jobs import STT_RATE, UTTERANCE_SECONDS, Heard, Recode, Recoded, Segment, Transcribe, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from appliance.engines.interleave import Progress
    from appliance.engines.whisper.short import Found, ShortPass
    from appliance.jobs import AnyJob

    Samples = NDArray[np.float32]

SEQUENCE_SAMPLES: Final = 240 * STT_RATE
"""Longest stretch for faster-whisper's own path: its features are held at once."""
SHORT_SAMPLES: Final = int(UTTERANCE_SECONDS * STT_RATE)
RECODED_SAMPLES: Final = 2 * STT_RATE
"""Encoded in one step, which takes 20 ms: nobody who speaks waits for it."""
MOST_TOGETHER: Final = 32
MISSING_SECONDS: Final = 1.5
"""Speech so long after Whisper's last word was not heard."""
WASTE: Final = 1.5
"""A pass over several stretches takes at most so many times the input that they need one by one."""


class Listener:
    """Reads recordings; a pass takes `pass_seconds` of input at most, unless a stretch alone is longer."""

    def __init__(
        self, short: ShortPass, beam_size: int, pass_seconds: float, counts: Counts | None = None
    ) -> None:  # fmt: skip
        self._short, self._model, self._counts = short, short.model, counts or Counts()
        self._beam_size, self._pass_frames = beam_size, int(pass_seconds * FRAMES_A_SECOND)

    def begin(self, job: AnyJob, payload: bytes) -> Iterator[Progress]:
        """Parts of one transcription, or the recording as it is kept."""
        if isinstance(job, Recode):
            yield from recoded(job, payload)
            return
        assert isinstance(job, Transcribe)  # noqa: S101 - the host sends each job to its own engine
        self._short.check(job.language)
        samples: Samples | None = None
        for decoded in decode(payload, job.max_seconds):
            samples = decoded
            yield None
        assert samples is not None  # noqa: S101 - decode ends with the samples or raises
        speech: list[Span] | None = None
        for found in spoken(samples):
            speech = found
            yield None
        if not speech:
            raise RequestError("No speech was found in the audio.", code="audio_silent", param=PARAM)
        spans = list(stretches(speech, SHORT_SAMPLES, PAUSE_SAMPLES))
        sequential = job.words or (len(spans) > 1 and self._alone(spans))
        said = self._sequentially(job, samples, speech) if sequential else self._read(job, samples, spans)
        number = 0
        for each in said:
            if each is None:
                yield None
                continue
            segment, language, probability = each
            if number == 0:  # a stretch without words, noise or music, says nothing about the language
                seconds = samples.size / STT_RATE
                yield Heard(seconds=seconds, language=language, language_probability=probability), b""
            yield msgspec.structs.replace(segment, id=number), b""
            number += 1
        self._counts.file_seconds += samples.size / STT_RATE
        if number == 0:
            raise RequestError("No words were found in the audio.", code="audio_silent", param=PARAM)

    def _alone(self, spans: list[Span]) -> bool:
        """Whether less than two of the stretches share a pass on average."""
        frames = sum(self._short.frames((last - first) / STT_RATE) for first, last in spans)
        return frames * 2 > self._pass_frames * len(spans)

    def _read(self, job: Transcribe, samples: Samples, spans: list[Span]) -> Iterator[_Said]:
        """Stretch by stretch, several in one pass."""
        language, many = job.language, len(spans) > 1
        while spans:
            frames = [self._short.frames((last - first) / STT_RATE) for first, last in spans[:MOST_TOGETHER]]
            count = 1 if language is None else shared(frames, self._pass_frames)
            these, spans = spans[:count], spans[count:]
            wanted = [
                Wanted(
                    samples[first:last], language, job.task, job.prompt, job.hotwords, job.temperature,
                    timestamps=many,
                )
                for first, last in these
            ]  # fmt: skip
            yield None
            for each, found, (first, _) in zip(wanted, self._short.hear(wanted), these, strict=True):
                segments = list(self._segments(each, found, first / STT_RATE))
                if not found.sure or breaks_off(segments, (first + each.samples.size) / STT_RATE):
                    yield from self._carefully(job, each.samples, found.language, first / STT_RATE)
                elif not said_nothing(found.text, found.no_speech_prob, found.avg_logprob):
                    language = found.language
                    for segment in segments:
                        yield segment, found.language, found.language_probability

    def _segments(self, wanted: Wanted, found: Found, offset: float) -> Iterator[Segment]:
        tokenizer = self._short.tokenizer(found.language, wanted.task)
        for sentence in sentences(found.tokens, tokenizer.timestamp_begin, wanted.seconds):
            text = tokenizer.decode(sentence.tokens)
            if text.strip():
                yield Segment(
                    id=0, start=round(offset + sentence.start, 3), end=round(offset + sentence.end, 3), text=text,
                    tokens=sentence.tokens, temperature=wanted.temperature, avg_logprob=found.avg_logprob,
                    compression_ratio=found.compression_ratio, no_speech_prob=found.no_speech_prob,
                )  # fmt: skip

    def _sequentially(self, job: Transcribe, samples: Samples, speech: list[Span]) -> Iterator[_Said]:
        """faster-whisper's own way, one stretch after another, so that memory stays bounded and an abort is soon."""
        language = job.language
        for first, last in stretches(speech, SEQUENCE_SAMPLES, samples.size):
            for each in self._carefully(job, samples[first:last], language, first / STT_RATE):
                if each is not None:
                    language = each[1]
                yield each

    def _carefully(self, job: Transcribe, samples: Samples, language: str | None, offset: float) -> Iterator[_Said]:
        segments, info = self._model.transcribe(
            samples,
            language=language,
            task=job.task,
            initial_prompt=job.prompt,
            hotwords=job.hotwords,
            temperature=job.temperature or [0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
            beam_size=self._beam_size,
            word_timestamps=job.words,
            condition_on_previous_text=False,
            vad_filter=True,
        )
        yield None
        for segment in segments:
            yield _segment(segment, offset), info.language, float(info.language_probability)


def recoded(job: Recode, payload: bytes) -> Iterator[Progress]:
    """A recording as Opus: decoded here, as it may be hostile."""
    samples: Samples | None = None
    for decoded in decode(payload, job.max_seconds):
        samples = decoded
        yield None
    assert samples is not None  # noqa: S101 - decode ends with the samples or raises
    kept, encode = samples[: int(job.first_seconds * STT_RATE)], ClipEncoder(STT_RATE)
    for start in range(0, kept.size, RECODED_SAMPLES):
        encode.feed((kept[start : start + RECODED_SAMPLES] * 32768.0).astype("<i2").tobytes())
        yield None
    yield Recoded(seconds=kept.size / STT_RATE), encode.finish()


def shared(frames: Sequence[int], most: int) -> int:
    """How many of the first stretches share a pass, if each needs so many frames and a pass may take `most`."""
    longest = total = 0
    for count, each in enumerate(frames):
        longest, total = max(longest, each), total + each
        whole = longest * (count + 1)
        if count and whole > min(most, WASTE * total):
            return count
    return len(frames)


def breaks_off(segments: Sequence[Segment], end: float) -> bool:
    """Whether Whisper stopped before a stretch did, which ends with speech at `end` seconds."""
    return not segments or segments[-1].end < end - MISSING_SECONDS


_Said = tuple[Segment, str, float] | None
"""A segment, the language and its probability; or None for progress."""


def _segment(segment: Any, offset: float) -> Segment:
    # faster-whisper mixes NumPy's floats in, which the socket's encoding does not know.
    return Segment(
        id=0,
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
