"""The sound of one reply, while it may become a clip."""

from __future__ import annotations

from typing import Final

from appliance.audio import SAMPLE_BYTES
from appliance.jobs import SPEECH_RATE
from appliance.voice.recorder import MOST_SECONDS, Sound

MOST_BYTES: Final = MOST_SECONDS * SPEECH_RATE * SAMPLE_BYTES


class Tape:
    """Mono 16-bit samples at `SPEECH_RATE`; the beginning of what is longer than a clip."""

    def __init__(self) -> None:
        self._pcm = bytearray()

    def add(self, pcm: bytes) -> None:
        """More of it."""
        self._pcm += pcm[: MOST_BYTES - len(self._pcm)]

    def sound(self, milliseconds: float | None = None) -> Sound:
        """All of it so far, or as far as it was heard."""
        end = None if milliseconds is None else int(milliseconds * SPEECH_RATE / 1000) * SAMPLE_BYTES
        return Sound(bytes(self._pcm[:end]), SPEECH_RATE)
