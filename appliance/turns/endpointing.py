"""When a turn is over: a rule of the silence's length, and of how finished it sounds."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from appliance.turns.detection import ServerVad
from appliance.turns.segmenter import samples

if TYPE_CHECKING:
    from appliance.turns.detection import TurnDetection

_SENTENCE: Final = re.compile(r"""(?<![.…])[.?!。？！।۔؟][\s"'”’»›)\]」』）]*$""")
"""The end of a sentence; an ellipsis is none."""

Decision = Literal["wait", "ask", "over"]

LONGEST_MS: Final = MappingProxyType({"low": 8000, "medium": 4000, "auto": 4000, "high": 2000})
"""Silence after which a turn is over however unfinished it sounds."""
SHORTEST_MS: Final = MappingProxyType({"low": 500, "medium": 250, "auto": 250, "high": 200})
"""Silence that even the most finished turn needs."""
SURE: Final = MappingProxyType({"low": 0.85, "medium": 0.7, "auto": 0.7, "high": 0.5})
"""Probability of an end from which the shortest silence is enough."""
ASK_AT_MS: Final = (96,)
"""Lengths of a pause at which the judge is asked (again).

Once, as early as a pause can be told: Smart Turn takes a longer silence for an end whatever was said before it. Where a
sentence is torn in two it says "over" (0.5 or more) in 13 % of cases after 96 ms, 27 % after 200 ms and 38 % after
500 ms, and whole sentences it finds over no more often (`benchmarks/endpointing.py`).
"""
FINISHED_MS: Final = MappingProxyType({"low": 3000, "medium": 1500, "auto": 1500, "high": 1000})
"""Silence after which a turn is over if its words end like a sentence, whatever the voice sounded like.

Whisper puts a full stop after six of seven whole sentences, and after 18 of 41 that are torn apart: enough to tell four
seconds of silence from one and a half, not to end a turn sooner.
"""
STEEPNESS: Final = 3
"""How fast patience grows with doubt: a doubtful end costs half a second, only an unlikely one costs seconds."""


class Endpointing:
    """One session's rule. All lengths are samples; `pause` begins each pause anew."""

    def __init__(self, detection: TurnDetection) -> None:
        self.detection = detection
        self._asked = 0
        self._probability: float | None = None
        self._finished = False

    def pause(self) -> None:
        """A pause begins; what was judged of the last one does not count any more."""
        self._asked, self._probability, self._finished = 0, None, False

    def judged(self, probability: float | None) -> None:
        """What the judge said of this pause; None if it cannot say."""
        self._probability = probability

    def understood(self, text: str) -> None:
        """What was said before this pause."""
        self._finished = _SENTENCE.search(text) is not None

    def decide(self, silence: int) -> Decision:
        """What to do after so much silence."""
        if isinstance(self.detection, ServerVad):
            return "over" if silence >= samples(self.detection.silence_duration_ms) else "wait"
        if silence >= samples(self.patience_ms):
            return "over"
        if self._asked < len(ASK_AT_MS) and silence >= samples(ASK_AT_MS[self._asked]):
            self._asked += 1
            return "ask"
        return "wait"

    @property
    def patience_ms(self) -> float:
        """Silence that ends the turn, by what is known of this pause.

        From `SURE` downwards it grows from the shortest to the longest, slowly first.
        """
        if isinstance(self.detection, ServerVad):
            return self.detection.silence_duration_ms
        eagerness = self.detection.eagerness
        shortest, longest = SHORTEST_MS[eagerness], LONGEST_MS[eagerness]
        most = FINISHED_MS[eagerness] if self._finished else longest
        if self._probability is None:
            return min(most, longest if self._asked < len(ASK_AT_MS) else longest / 2)
        doubt = max(0.0, 1 - self._probability / SURE[eagerness])
        return min(most, float(shortest + (longest - shortest) * doubt**STEEPNESS))
