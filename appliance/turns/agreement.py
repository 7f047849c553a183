"""What is certain of a transcript that is still growing: words on which two looks in a row agree.

LocalAgreement-2 of Macháček, Dabre and Bojar, "Turning Whisper into Real-Time Transcription System" (2023). What was
told once stays told.
"""

from __future__ import annotations

import re
from typing import Final

COMPARED: Final = 12
"""Words last told that are looked for in a text that differs, so that a long one costs no more than a short one."""
REACH: Final = 24
"""How many words further back or ahead they may be found."""


class Agreement:
    """Hears one utterance over and over, each time a little more of it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        """Words that are certain."""
        self._last: list[str] = []

    @property
    def text(self) -> str:
        """All that was told."""
        return " ".join(self.told)

    def hear(self, text: str) -> str:
        """A look at what was said so far; the words that became certain with it, to be put behind the others."""
        words = text.split()
        agreed = 0
        for word, before in zip(words, self._last, strict=False):
            if _plain(word) != _plain(before):
                break
            agreed += 1
        self._last = words
        # The last word may still be half said.
        return self._tell(words[self._place(words) : min(agreed, len(words) - 1)])

    def finish(self, text: str) -> str:
        """The whole text is known: the words that were not told yet."""
        words = text.split()
        return self._tell(words[self._place(words) :])

    def _tell(self, words: list[str]) -> str:
        if not words:
            return ""
        delta = (" " if self.told else "") + " ".join(words)
        self.told += words
        return delta

    def _place(self, words: list[str]) -> int:
        """Where `words` go on from what was told: after the stretch of them that is most like its last words.

        That is the one with the least edit distance in words, among equals the one whose place is nearest. A word left
        out costs half, since one that is told twice reads worse.
        """
        count = len(self.told)
        if [_plain(word) for word in words[:count]] == [_plain(word) for word in self.told]:
            return count
        first = max(0, count - REACH)
        near = [_plain(word) for word in words[first : count + REACH]]
        row = [0] * (len(near) + 1)
        for number, word in enumerate(map(_plain, self.told[-COMPARED:]), 1):
            above, row = row, [2 * number]
            for place, other in enumerate(near):
                row.append(min(above[place] + 2 * (word != other), above[place + 1] + 2, row[place] + 1))
        return first + min(range(len(row)), key=lambda place: (row[place], abs(first + place - count)))


def _plain(word: str) -> str:
    return re.sub(r"[^\w]", "", word.casefold()) or word
