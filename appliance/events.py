"""What happens in a spoken turn, in the order in which it happens. Free of any protocol's names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from appliance.jobs import Mark, Source


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
class ReplyClause:
    """The next clause of the reply is about to be spoken: as it was written, and the words that are said."""

    text: str
    spoken: str


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """The next stretch of the reply as it is spoken: mono 16-bit samples at `jobs.SPEECH_RATE`.

    `marks`: the clause's words that end in it.
    """

    pcm: bytes
    marks: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True)
class ReplyCall:
    """The model calls a tool: number `index` of this reply. Its arguments follow."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ReplyArguments:
    """More of the JSON text of a call's arguments."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyWritten:
    """The model is done; its last words may still have to be spoken."""

    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    sources: Sequence[Source] = ()
    """What the reply rests on."""


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
    sources: Sequence[Source] = ()
    """What the reply rests on."""


ReplyEvent = ReplyText | ReplyClause | ReplyAudio | ReplyCall | ReplyArguments | ReplyWritten
TurnEvent = Transcript | ReplyEvent | TurnDone


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
