"""Listening: faster-whisper. A job is one recording; its parts are `Heard` and then segments.

A recording is cut at pauses into stretches (`STRETCH_SECONDS` at most), so that memory stays bounded and an abort
takes effect soon. A single short stretch without word times takes the fast path: Whisper's encoder is given the
utterance and `PADDING_SECONDS` more instead of 30 s of mostly silence, and the language is read off the same pass. A
guard sends what looks like a repetition loop or a guess back to faster-whisper's own path with the full context.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_compression_ratio, get_suppressed_tokens, pad_or_trim
from faster_whisper.vad import VadOptions, get_speech_timestamps

from appliance.engines.decoding import PARAM, decode
from appliance.engines.interleave import Interleaved
from appliance.errors import RequestError
from appliance.jobs import STT_RATE, Heard, Segment, Transcribe, Word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from appliance.engines.interleave import Progress
    from appliance.engines.specs import Whisper
    from appliance.jobs import AnyJob

    Samples = NDArray[np.float32]

WIDTH: Final = 4
"""Recordings worked on in turns, so that a short one need not wait for the end of a long one."""

STRETCH_SECONDS: Final = 240.0
SHORT_SECONDS: Final = 28.0
# With less silence after them, Whisper base says short utterances over and over:
# docs/decisions/2026-11-24-audio-context.md
PADDING_SECONDS: Final = 3.0
SHORTEST_SECONDS: Final = 5.0
FRAMES_A_SECOND: Final = 100

# The guard's limits. The first two are OpenAI's own for Whisper; speech beyond the third is no speech.
MAX_COMPRESSION_RATIO: Final = 2.4
MIN_AVG_LOGPROB: Final = -1.0
MAX_CHARACTERS_A_SECOND: Final = 25.0
FEWEST_TOKENS: Final = 16
MOST_TOKENS_A_SECOND: Final = 16
"""A transcript that needs more is a loop; to stop it early is what makes the guard cheap."""


def load(spec: Whisper) -> Interleaved:
    """Load the model; the first job warms it."""
    threads = spec.threads or min(4, os.cpu_count() or 1)
    model = WhisperModel(spec.path, device=spec.device, compute_type=spec.compute_type, cpu_threads=threads)
    return Interleaved(Listener(model, spec.beam_size).begin, WIDTH)


class Listener:
    """Owns the model."""

    def __init__(self, model: Any, beam_size: int) -> None:
        self._model = model
        self._beam_size = beam_size

    def begin(self, job: AnyJob, payload: bytes) -> Iterator[Progress]:
        """Parts of one transcription."""
        assert isinstance(job, Transcribe)  # noqa: S101 - the host sends each job to its own engine
        self._check(job)
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
        segment = None
        if not job.words and last - first <= SHORT_SECONDS * STT_RATE:
            segment = self._short(job, samples[first:last], first / STT_RATE)
        if segment is not None:
            yield Heard(seconds=seconds, language=segment[1], language_probability=segment[2]), b""
            yield segment[0], b""
        else:
            yield from self._long(job, samples, speech)

    def _check(self, job: Transcribe) -> None:
        if job.language is None:
            return
        token = self._model.hf_tokenizer.token_to_id(f"<|{job.language}|>")
        if job.language not in self._model.supported_languages or (self._model.model.is_multilingual and token is None):
            raise RequestError(
                f"The model does not know the language {job.language!r}; give an ISO 639-1 code such as 'en' or 'de'.",
                param="language",
            )

    def _short(self, job: Transcribe, samples: Samples, offset: float) -> tuple[Segment, str, float] | None:
        """One utterance in one pass; None if the result looks wrong."""
        model = self._model
        seconds = samples.size / STT_RATE
        features = model.feature_extractor(samples)
        context = max(seconds + PADDING_SECONDS, SHORTEST_SECONDS)
        frames = min(int(context * FRAMES_A_SECOND), model.feature_extractor.nb_max_frames)
        encoded = model.encode(pad_or_trim(features, frames + frames % 2))
        language, probability = job.language, 1.0
        if language is None:
            language, probability = "en", 1.0
            if model.model.is_multilingual:
                token, probability = model.model.detect_language(encoded)[0][0]
                language = token[2:-2]
        tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task=job.task, language=language)
        previous = tokenizer.encode(" " + job.prompt.strip()) if job.prompt else []
        prompt = model.get_prompt(tokenizer, previous, without_timestamps=True)
        most = int(FEWEST_TOKENS + MOST_TOKENS_A_SECOND * seconds)
        greedy: dict[str, Any] = {"beam_size": self._beam_size}
        if job.temperature > 0:
            greedy = {"beam_size": 1, "sampling_topk": 0, "sampling_temperature": job.temperature}
        result = model.model.generate(
            encoded,
            [prompt],
            max_length=min(model.max_length, len(prompt) + most),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            **greedy,
        )[0]
        tokens = result.sequences_ids[0]
        text = tokenizer.decode(tokens)
        avg_logprob = result.scores[0] * len(tokens) / (len(tokens) + 1)
        ratio = get_compression_ratio(text) if text else 0.0
        if (
            not text.strip()
            or len(tokens) >= most
            or ratio > MAX_COMPRESSION_RATIO
            or avg_logprob < MIN_AVG_LOGPROB
            or len(text) > MAX_CHARACTERS_A_SECOND * seconds
            or says_twice(text)
        ):
            return None
        segment = Segment(
            id=0, start=round(offset, 3), end=round(offset + seconds, 3), text=text, tokens=list(tokens),
            temperature=job.temperature, avg_logprob=avg_logprob, compression_ratio=ratio,
            no_speech_prob=result.no_speech_prob,
        )  # fmt: skip
        return segment, language, probability

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


def says_twice(text: str) -> bool:
    """Whether the text is one phrase of two or more words over and over: a short context tempts Whisper into that."""
    words = re.sub(r"[^\w\s]", "", text.lower()).split()
    periods = range(2, len(words) // 2 + 1)
    return any(len(words) % size == 0 and words == words[:size] * (len(words) // size) for size in periods)


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
