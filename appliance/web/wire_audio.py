"""OpenAI's words for speech in both directions: forms, answers and streamed events."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar.datastructures import UploadFile
from msgspec import Meta

from appliance.encoding import AudioFormat
from appliance.jobs import Segment, Word
from appliance.settings import Stt

TranscriptFormat = Literal["json", "text", "srt", "vtt", "verbose_json"]
Granularity = Literal["word", "segment"]


class TranslationForm(msgspec.Struct, kw_only=True):
    """Form of `/v1/audio/translations`."""

    file: UploadFile
    model: str = "default"
    prompt: str | None = None
    response_format: TranscriptFormat = "json"
    temperature: Annotated[float, Meta(ge=0, le=1)] = 0.0


class TranscriptionForm(TranslationForm, kw_only=True):
    """Form of `/v1/audio/transcriptions`."""

    language: Annotated[str, Meta(description="ISO 639-1 code; detected if absent.")] | None = None
    keywords: list[str] | str = msgspec.field(name="keywords[]", default_factory=list)
    stream: bool = False
    timestamp_granularities: list[Granularity] | Granularity = msgspec.field(
        name="timestamp_granularities[]", default_factory=list
    )

    @property
    def granularities(self) -> list[Granularity]:
        """Always a list; a form with one value gives it bare."""
        given = self.timestamp_granularities
        return given if isinstance(given, list) else [given]


def hotwords(given: list[str] | str | None, stt: Stt) -> str | None:
    """What is likely to be said: the request's words, and those of the box's settings."""
    words = [given] if isinstance(given, str) else given or []
    return ", ".join([*words, *([stt.hotwords] if stt.hotwords else [])]) or None


class DurationUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What a transcription cost."""

    seconds: float
    type: Literal["duration"] = "duration"


class TranscriptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`response_format=json`."""

    text: str
    usage: DurationUsage


class SegmentBody(msgspec.Struct, frozen=True, kw_only=True):
    """A segment of `verbose_json`; times in seconds."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float

    @classmethod
    def of(cls, segment: Segment) -> SegmentBody:
        """From our own kind."""
        return cls(
            id=segment.id, seek=int(segment.start * 100), start=segment.start, end=segment.end, text=segment.text,
            tokens=segment.tokens, temperature=segment.temperature, avg_logprob=segment.avg_logprob,
            compression_ratio=segment.compression_ratio, no_speech_prob=segment.no_speech_prob,
        )  # fmt: skip


class WordBody(msgspec.Struct, frozen=True, kw_only=True):
    """A word of `verbose_json`; times in seconds."""

    word: str
    start: float
    end: float

    @classmethod
    def of(cls, word: Word) -> WordBody:
        """From our own kind."""
        return cls(word=word.word.strip(), start=word.start, end=word.end)


class VerboseAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`response_format=verbose_json`."""

    task: Literal["transcribe", "translate"]
    language: str
    duration: float
    text: str
    segments: list[SegmentBody] | None = None
    words: list[WordBody] | None = None
    usage: DurationUsage


class TranscriptDelta(msgspec.Struct, frozen=True, kw_only=True):
    """Event: more text."""

    delta: str
    type: Literal["transcript.text.delta"] = "transcript.text.delta"


class TranscriptDone(msgspec.Struct, frozen=True, kw_only=True):
    """Event: the whole text."""

    text: str
    usage: dict[str, Any]
    type: Literal["transcript.text.done"] = "transcript.text.done"


class SpeechRequest(msgspec.Struct, kw_only=True):
    """Body of `/v1/audio/speech`."""

    input: str
    model: str = "default"
    voice: str | dict[str, Any] = "default"
    response_format: AudioFormat = "mp3"
    speed: Annotated[float, Meta(ge=0.25, le=4.0)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str | None = None


class SpeechDelta(msgspec.Struct, frozen=True, kw_only=True):
    """Event: more audio, base64."""

    audio: bytes
    type: Literal["speech.audio.delta"] = "speech.audio.delta"


class SpeechDone(msgspec.Struct, frozen=True, kw_only=True):
    """Event: all audio was sent. Tokens count characters in and 20 ms frames out, as no tokens are spoken here."""

    usage: dict[str, int]
    type: Literal["speech.audio.done"] = "speech.audio.done"
