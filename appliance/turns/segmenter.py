"""From the detector's probabilities to speech and pauses. The only clock is the number of windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from appliance.jobs import DETECT_SAMPLES, STT_RATE

HYSTERESIS: Final = 0.15
"""Speech goes on for as long as the probability stays within this of the threshold, as Silero's own iterator has it."""
ONSET_WINDOWS: Final = 3
"""Voiced windows (96 ms) that make speech; a click has fewer."""
ONSET_REACH: Final = 5
"""... out of so many."""
PAUSE_WINDOWS: Final = 3
"""Unvoiced windows (96 ms) that make a pause; the closure of a "t" or "k" has fewer."""


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """Somebody speaks since this sample."""

    at: int


@dataclass(frozen=True, slots=True)
class Paused:
    """The voice stopped at this sample, a moment ago."""

    at: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """The voice came back at this sample, before the turn was over."""

    at: int


Event = SpeechBegan | Paused | Resumed


class Segmenter:
    """Feed it one probability a window of `DETECT_SAMPLES` samples; `start` is the first window's position."""

    def __init__(self, threshold: float = 0.5, start: int = 0) -> None:
        self.threshold = threshold
        self.position = start
        """Samples that were listened to."""
        self.speaking = False
        """Whether speech began that is not over."""
        self.pausing = False
        self.voiced = 0
        """Samples with voice since speech began."""
        self._recent: list[bool] = []
        self._voice_end = start

    @property
    def silence(self) -> int:
        """Samples since the last voice."""
        return self.position - self._voice_end

    def feed(self, probability: float) -> list[Event]:
        """Listen to one more window."""
        began = self.position
        self.position += DETECT_SAMPLES
        floor = max(0.01, self.threshold - HYSTERESIS) if self.speaking and not self.pausing else self.threshold
        voice = probability >= floor
        self._recent = [*self._recent, voice][-ONSET_REACH:]
        if voice:
            self._voice_end = self.position
        if not self.speaking:
            return self._listen(began)
        if voice:
            self.voiced += DETECT_SAMPLES
            if self.pausing:
                self.pausing = False
                return [Resumed(began)]
        elif not self.pausing and self.silence >= PAUSE_WINDOWS * DETECT_SAMPLES:
            self.pausing = True
            return [Paused(self._voice_end)]
        return []

    def over(self) -> None:
        """The turn is over; the next voice is a new one."""
        self.speaking = self.pausing = False
        self.voiced = 0
        self._recent = []

    def _listen(self, began: int) -> list[Event]:
        if sum(self._recent) < ONSET_WINDOWS:
            return []
        first = len(self._recent) - self._recent.index(True)
        self.speaking, self.pausing = True, False
        self.voiced = sum(self._recent) * DETECT_SAMPLES
        return [SpeechBegan(began - (first - 1) * DETECT_SAMPLES)]


def milliseconds(samples: int) -> int:
    """Of samples at `STT_RATE`."""
    return samples * 1000 // STT_RATE


def samples(milliseconds: float) -> int:
    """At `STT_RATE`."""
    return int(milliseconds * STT_RATE // 1000)
