"""What all jobs and parts share."""

from __future__ import annotations

from typing import Literal

import msgspec

Role = Literal["stt", "llm", "tts", "turn", "embed"]

ROLES: tuple[Role, ...] = ("stt", "llm", "tts", "turn", "embed")

STT_RATE = 16_000
"""Hz of the samples that the listening side works in."""

SPEECH_RATE = 24_000
"""Hz of all audio that leaves the box; the rate that OpenAI's `pcm` promises."""

Priority = Literal["live", "typed", "background"]
"""Who waits: someone who listens, someone who reads, nobody in particular."""


class Job(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of all jobs."""


class Part(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of all parts."""
