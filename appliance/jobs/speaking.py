"""Speaking: words to audio."""

from __future__ import annotations

import msgspec

from appliance.jobs.base import Job, Part, Priority


class Speak(Job, frozen=True, kw_only=True):
    """Text to speech. No payload."""

    text: str
    voice: str | None = None
    """Short name of an installed voice; None for the default one."""
    speed: float = 1.0
    """1.0 is the voice's own pace; 2.0 is twice as fast."""
    split: bool = True
    """Whether to speak clause by clause; False where the text is a clause already."""
    priority: Priority = "typed"


class Mark(msgspec.Struct, frozen=True):
    """A word that was said: `text[start:end]` of the job's text sounds until `sample` samples of its audio are over."""

    start: int
    end: int
    sample: int


class Audio(Part, frozen=True, kw_only=True):
    """A stretch of speech. Payload: mono signed 16-bit little-endian samples at `SPEECH_RATE`."""

    samples: int
    marks: list[Mark] = []
    """The words that end in this stretch, for a job with `split` False; samples count from the job's first one."""
