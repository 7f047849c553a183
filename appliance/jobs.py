"""What goes into an engine and what streams out of it: the only words the two sides of a worker share.

A job goes in, parts stream out, and it can be aborted between two parts. Large binary values never travel
inside a job or part: they are its *payload*, raw bytes beside it. One payload is defined per type below.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Role = Literal["stt", "llm", "tts"]
ROLES: tuple[Role, ...] = ("stt", "llm", "tts")

STT_RATE = 16_000
"""Hz of the samples that the listening side works in."""

SPEECH_RATE = 24_000
"""Hz of all audio that leaves the box; the rate that OpenAI's `pcm` promises."""


class Job(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of all jobs."""


class Part(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of all parts."""


class Transcribe(Job, frozen=True, kw_only=True):
    """Speech to text. Payload: the audio file as it was sent, in any container."""

    language: str | None = None
    """ISO 639-1 code, or None to detect it."""
    task: Literal["transcribe", "translate"] = "transcribe"
    prompt: str | None = None
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


class Message(msgspec.Struct, frozen=True):
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class Generate(Job, frozen=True, kw_only=True):
    """Chat messages to text. No payload."""

    messages: list[Message]
    max_tokens: int | None = None
    """None: as many as the context holds."""
    temperature: float = 0.7
    top_p: float = 0.95
    seed: int | None = None
    stop: list[str] = []


class Token(Part, frozen=True, kw_only=True):
    """Text that is certain: whole characters, and no beginning of a stop string."""

    text: str


class Generated(Part, frozen=True, kw_only=True):
    """Last part of a generation."""

    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


class Speak(Job, frozen=True, kw_only=True):
    """Text to speech. No payload."""

    text: str
    voice: str | None = None
    """Short name of an installed voice; None for the default one."""
    speed: float = 1.0
    """1.0 is the voice's own pace; 2.0 is twice as fast."""
    split: bool = True
    """Whether to speak clause by clause; False where the text is a clause already."""


class Audio(Part, frozen=True, kw_only=True):
    """A stretch of speech. Payload: mono signed 16-bit little-endian samples at `SPEECH_RATE`."""

    samples: int


AnyJob = Transcribe | Generate | Speak
AnyPart = Heard | Segment | Token | Generated | Audio
