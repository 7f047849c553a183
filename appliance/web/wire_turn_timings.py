"""Stories of turns as the doors show them."""

from __future__ import annotations

from typing import Literal

import msgspec

from appliance.jobs import Priority, Role
from appliance.store.turns import KeptTurn
from appliance.story import Door, JobOutcome, JobStory, Outcome


class TurnUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens and seconds of audio of a whole turn."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    heard_seconds: float
    spoken_seconds: float


class TurnBody(msgspec.Struct, frozen=True, kw_only=True):
    """One turn, without its stages."""

    id: str
    object: Literal["turn"] = "turn"
    conversation: str
    door: Door
    created_at: float
    """Seconds since the epoch. Milliseconds count from here: the last byte of audio, or a live user's last voice."""
    outcome: Outcome
    voice_to_voice_ms: float | None


class TurnList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of turns, the newest first."""

    object: Literal["list"] = "list"
    data: list[TurnBody]
    first_id: str | None
    last_id: str | None
    has_more: bool


class JobBody(msgspec.Struct, frozen=True, kw_only=True):
    """One job of a stage: from `sent_ms` to `began_ms` it waited, then it was worked on. Null: it never happened."""

    stage: Role
    job: str
    priority: Priority
    outcome: JobOutcome
    sent_ms: float
    began_ms: float | None
    first_ms: float | None
    ended_ms: float
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    audio_seconds: float


class TurnTimingsBody(TurnBody, frozen=True, kw_only=True):
    """One turn: when each stage was ready, and its jobs in the order in which they were sent."""

    marks: dict[str, float]
    jobs: list[JobBody]
    jobs_left_out: int
    usage: TurnUsage


def turn_body(kept: KeptTurn) -> TurnBody:
    """A turn in a list."""
    return TurnBody(**_head(kept))  # type: ignore[arg-type]


def timings_body(kept: KeptTurn) -> TurnTimingsBody:
    """A turn with all that is known of it."""
    story = kept.story
    written = [job for job in story.jobs if job.job == "generate"]
    usage = TurnUsage(
        prompt_tokens=sum(job.prompt_tokens for job in written),
        cached_tokens=sum(job.cached_tokens for job in written),
        completion_tokens=sum(job.completion_tokens for job in written),
        heard_seconds=story.heard_seconds,
        spoken_seconds=story.spoken_seconds,
    )
    return TurnTimingsBody(
        **_head(kept),  # type: ignore[arg-type]
        marks=story.marks, jobs=[_job(job) for job in story.jobs], jobs_left_out=story.left_out, usage=usage,
    )  # fmt: skip


def _head(kept: KeptTurn) -> dict[str, object]:
    story = kept.story
    return {
        "id": story.id,
        "conversation": kept.conversation,
        "door": story.door,
        "created_at": story.zero_ms / 1000,
        "outcome": story.outcome,
        "voice_to_voice_ms": story.voice_to_voice,
    }


def _job(job: JobStory) -> JobBody:
    return JobBody(
        stage=job.stage,
        job=job.job,
        priority=job.priority,
        outcome=job.outcome,
        sent_ms=job.sent,
        began_ms=job.began,
        first_ms=job.first,
        ended_ms=job.ended,
        prompt_tokens=job.prompt_tokens,
        cached_tokens=job.cached_tokens,
        completion_tokens=job.completion_tokens,
        audio_seconds=job.audio_seconds,
    )
