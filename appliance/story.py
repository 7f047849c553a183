"""A turn's own story: when each stage was ready, and what became of each job. It has no words of anybody's in it.

Jobs are noted by whoever works for a turn: `JOBS` is a context variable, so tasks inherit it from whoever starts them,
and no stage needs to be told for which turn it works. Times inside are seconds of `time.monotonic()`; a story has
milliseconds from its own zero, which for a spoken turn is its last byte of audio, and for a live one the last voice.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, Literal

from appliance.jobs import Priority, Role

MOST_JOBS: Final = 128
"""Of one turn or request; a long reply has some forty clauses. Further ones are counted only."""

JobOutcome = Literal["done", "failed", "aborted", "cached"]
Door = Literal["turns", "realtime", "wyoming"]
"""A spoken turn by itself, a live conversation, or words that a Wyoming client had heard already."""
Outcome = Literal["completed", "interrupted", "failed", "abandoned"]


@dataclass(slots=True, kw_only=True)
class JobNote:
    """One job, while it is worked on. Times are seconds of `time.monotonic()`, None where it has not happened."""

    stage: Role
    job: str
    """Its class' name in small letters."""
    priority: Priority
    sent: float
    began: float | None = None
    """When its worker took it in hand: until then it waited."""
    first: float | None = None
    ended: float | None = None
    outcome: JobOutcome = "aborted"
    """What it is unless something better happens."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    audio_seconds: float = 0.0
    """Heard or spoken."""


@dataclass(slots=True)
class Jobs:
    """Those of one turn or request, in the order in which they were sent."""

    notes: list[JobNote] = field(default_factory=list)
    left_out: int = 0

    def add(self, note: JobNote) -> None:
        """One more, or one too many."""
        if len(self.notes) < MOST_JOBS:
            self.notes.append(note)
        else:
            self.left_out += 1


JOBS: Final[ContextVar[Jobs | None]] = ContextVar("jobs", default=None)
"""Where jobs are noted that the current task gives to a stage; None: nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStory:
    """One job: milliseconds from the story's zero, None where it has not happened."""

    stage: Role
    job: str
    priority: Priority
    outcome: JobOutcome
    sent: float
    began: float | None
    first: float | None
    ended: float
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    audio_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One turn. `id` is that of a spoken turn, or of the response of a live one."""

    id: str
    door: Door
    outcome: Outcome
    zero_ms: int
    """Milliseconds since the epoch; all times count from here."""
    marks: dict[str, float]
    """Milliseconds until each stage was ready."""
    jobs: tuple[JobStory, ...] = ()
    left_out: int = 0
    """Further jobs."""
    heard_seconds: float = 0.0
    spoken_seconds: float = 0.0

    @property
    def voice_to_voice(self) -> float | None:
        """Milliseconds from the user's last voice, or byte of audio, to the reply's first sound."""
        return self.marks.get("sent" if self.door == "realtime" else "first_audio")

    @property
    def ended(self) -> float:
        """The last that happened."""
        return max([0.0, *self.marks.values(), *(job.ended for job in self.jobs)])


def epoch_ms(monotonic: float) -> int:
    """A time of `time.monotonic()` as milliseconds since the epoch."""
    return round((time.time() - time.monotonic() + monotonic) * 1000)


def told(notes: Iterable[JobNote], zero: float) -> tuple[JobStory, ...]:
    """Notes as part of a story, by the time they were sent. What still runs is cut off now."""
    now = time.monotonic()

    def after(seconds: float) -> float:
        return round((seconds - zero) * 1000, 1)

    return tuple(
        JobStory(
            stage=note.stage,
            job=note.job,
            priority=note.priority,
            outcome=note.outcome,
            sent=after(note.sent),
            began=None if note.began is None else after(note.began),
            first=None if note.first is None else after(note.first),
            ended=after(now if note.ended is None else note.ended),
            prompt_tokens=note.prompt_tokens,
            cached_tokens=note.cached_tokens,
            completion_tokens=note.completion_tokens,
            audio_seconds=round(note.audio_seconds, 3),
        )
        for note in sorted(notes, key=lambda note: note.sent)
    )
