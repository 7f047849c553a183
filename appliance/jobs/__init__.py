"""What goes into an engine and what streams out of it: the only words the two sides of a worker share.

A job goes in, parts stream out, and it can be aborted between two parts. Large binary values never travel
inside a job or part: they are its *payload*, raw bytes beside it. One payload is defined per type below.
"""

from __future__ import annotations

from typing import Final

from msgspec import structs

from appliance.jobs.base import (
    ROLES,
    SPEECH_RATE,
    STT_RATE,
    Job,
    Part,
    Priority,
    Role,
)
from appliance.jobs.listening import (
    DETECT_SAMPLES,
    UTTERANCE_SECONDS,
    Detect,
    Detected,
    Heard,
    Judge,
    Judged,
    Recode,
    Recoded,
    Segment,
    Transcribe,
    Understand,
    Understood,
    Wake,
    Woken,
    Word,
)
from appliance.jobs.speaking import (
    Audio,
    Mark,
    Speak,
)
from appliance.jobs.thinking import (
    Arguments,
    Called,
    Embed,
    Embedding,
    Generate,
    Generated,
    Likelihood,
    Message,
    Prepare,
    Prepared,
    Prompt,
    Sampling,
    Source,
    Thought,
    Token,
    TokenLikelihood,
    Tool,
    ToolCall,
)
from appliance.jobs.times import JobTimes

AnyJob = Transcribe | Recode | Understand | Detect | Judge | Wake | Generate | Prepare | Embed | Speak
AnyPart = (
    Heard | Segment | Recoded | Understood | Detected | Judged | Woken
    | Token | Thought | Called | Arguments | Generated | Prepared | Embedding | Audio
)  # fmt: skip
LAST: Final = (Detected, Generated, Judged, Prepared, Recoded, Understood, Woken)
"""Parts that are the last of their job: whoever takes one may leave, and has all."""


def is_live(job: AnyJob) -> bool:
    """Whether it belongs to a live conversation; all utterances do."""
    return isinstance(job, Understand) or getattr(job, "priority", None) == "live"


def is_awaited(job: AnyJob) -> bool:
    """Whether somebody waits for it, or soon will: what was said is understood before the turn is known to be over."""
    return is_live(job) and getattr(job, "priority", None) != "background"


def live(job: AnyJob) -> AnyJob:
    """The same job for somebody who listens."""
    return structs.replace(job, priority="live") if hasattr(job, "priority") else job


__all__ = [
    "DETECT_SAMPLES",
    "LAST",
    "ROLES",
    "SPEECH_RATE",
    "STT_RATE",
    "UTTERANCE_SECONDS",
    "AnyJob",
    "AnyPart",
    "Arguments",
    "Audio",
    "Called",
    "Detect",
    "Detected",
    "Embed",
    "Embedding",
    "Generate",
    "Generated",
    "Heard",
    "Job",
    "JobTimes",
    "Judge",
    "Judged",
    "Likelihood",
    "Mark",
    "Message",
    "Part",
    "Prepare",
    "Prepared",
    "Priority",
    "Prompt",
    "Recode",
    "Recoded",
    "Role",
    "Sampling",
    "Segment",
    "Source",
    "Speak",
    "Thought",
    "Token",
    "TokenLikelihood",
    "Tool",
    "ToolCall",
    "Transcribe",
    "Understand",
    "Understood",
    "Wake",
    "Woken",
    "Word",
    "is_awaited",
    "is_live",
    "live",
]
