"""What happens in a spoken turn, in the order in which it happens. Free of any protocol's names."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the user said."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class ReplyText:
    """The next words of the reply, as they are written."""

    delta: str


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """The next stretch of the reply as it is spoken: mono 16-bit samples at `jobs.SPEECH_RATE`."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds from the turn's last byte of audio to each stage's result; None where there was none."""

    transcript: float | None = None
    first_token: float | None = None
    first_clause: float | None = None
    first_audio: float | None = None
    reply: float | None = None
    done: float | None = None


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The turn is complete."""

    transcript: str
    reply: str
    audio_seconds: float
    timings: Timings
    prompt_tokens: int = 0
    completion_tokens: int = 0


TurnEvent = Transcript | ReplyText | ReplyAudio | TurnDone


@dataclass(slots=True)
class Stopwatch:
    """Collects a turn's timings; `clock` gives seconds."""

    started: float
    marks: dict[str, float] = field(default_factory=dict)

    def mark(self, name: str, now: float) -> None:
        """Note the first time that `name` happens."""
        self.marks.setdefault(name, round((now - self.started) * 1000, 1))

    def timings(self) -> Timings:
        """All marks so far."""
        return Timings(**self.marks)
