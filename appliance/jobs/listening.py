"""Listening: audio to words, and when somebody speaks."""

from __future__ import annotations

from typing import Literal

import msgspec

from appliance.jobs.base import Job, Part, Priority

UTTERANCE_SECONDS = 28.0
"""Longest audio that is understood in one pass; Whisper's window is 30 s."""

DETECT_SAMPLES = 512
"""Samples at `STT_RATE` that the speech detector looks at together: 32 ms."""


class Transcribe(Job, frozen=True, kw_only=True):
    """Speech to text. Payload: the audio file as it was sent, in any container."""

    language: str | None = None
    """ISO 639-1 code, or None to detect it."""
    task: Literal["transcribe", "translate"] = "transcribe"
    prompt: str | None = None
    hotwords: str | None = None
    """Words that are likely to be said, such as names."""
    temperature: float = 0.0
    words: bool = False
    """Whether each segment carries word times (costs an alignment pass)."""
    max_seconds: float = 3600.0
    """Longer audio is refused as `audio_too_long`."""


class Heard(Part, frozen=True, kw_only=True):
    """First part of a transcription: what was decoded, before any word is known."""

    seconds: float
    language: str
    language_probability: float


class Word(msgspec.Struct, frozen=True):
    """One word with its times in seconds from the start of the audio."""

    word: str
    start: float
    end: float
    probability: float


class Segment(Part, frozen=True, kw_only=True):
    """A stretch of transcript; times in seconds from the start of the audio."""

    id: int
    start: float
    end: float
    text: str
    tokens: list[int] = []
    temperature: float = 0.0
    avg_logprob: float = 0.0
    compression_ratio: float = 1.0
    no_speech_prob: float = 0.0
    words: list[Word] = []


class Recode(Job, frozen=True, kw_only=True):
    """A recording as it is kept: mono Opus for speech. Payload: the audio file as it was sent, in any container."""

    max_seconds: float
    """Longer audio is refused as `audio_too_long`."""
    first_seconds: float
    """Only so much of its beginning."""
    priority: Priority = "background"


class Recoded(Part, frozen=True, kw_only=True):
    """The only part of a `Recode`. Payload: an Ogg Opus file."""

    seconds: float


class Understand(Job, frozen=True, kw_only=True):
    """One utterance of a live conversation to words.

    Payload: mono signed 16-bit little-endian samples at `STT_RATE`, one speaker's utterance with little silence around
    it, `UTTERANCE_SECONDS` at most. Utterances that wait at the same time are understood in one pass.
    """

    language: str | None = None
    """ISO 639-1 code, or None to detect it in the same pass."""
    prompt: str | None = None
    """Words that may have come before, for their spelling."""
    hotwords: str | None = None
    """Words that are likely to be said, such as names."""
    priority: Priority = "live"
    """"live": the turn is over; "typed": it may be over; "background": a look at what has been said so far."""


class Understood(Part, frozen=True, kw_only=True):
    """The only part of an `Understand`. `text` is empty where no words were said: silence, noise, a cough."""

    text: str
    language: str
    language_probability: float
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0


class Detect(Job, frozen=True, kw_only=True):
    """How likely each window of a live stream is speech. No state is kept between jobs: it travels with them.

    Payload: `state` bytes as the job before gave them (none for the first), then mono signed 16-bit little-endian
    samples at `STT_RATE`, a whole number of windows of `DETECT_SAMPLES`.
    """

    state: int = 0


class Detected(Part, frozen=True, kw_only=True):
    """The only part of a `Detect`: a probability for each window. Payload: the detector's state after the last one."""

    probabilities: list[float]


class Judge(Job, frozen=True, kw_only=True):
    """Whether a speaker who pauses is done. Payload: the last seconds of speech up to now, as for `Understand`."""


class Judged(Part, frozen=True, kw_only=True):
    """The only part of a `Judge`: the probability that the turn is over."""

    probability: float


class Wake(Job, frozen=True, kw_only=True):
    """Whether somebody has just said a wake word. Payload: the last seconds of a stream, as for `Understand`."""

    names: list[str]


class Woken(Part, frozen=True, kw_only=True):
    """The only part of a `Wake`: the word that was said; None: none was."""

    name: str | None
