"""What is certain of a transcript that is still growing: words on which two looks in a row agree.

LocalAgreement-2 of Macháček, Dabre and Bojar, "Turning Whisper into Real-Time Transcription System" (2023). What was
told once stays told.
"""

from __future__ import annotations

import re


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
        """Where `words` go on from what was told: the place before which they are most like it.

        That is the least edit distance in words between all that was told and a beginning of `words`; among equals the
        beginning that is about as long.
        """
        told, count = [_plain(word) for word in self.told], len(self.told)
        plain = [_plain(word) for word in words]
        if plain[:count] == told:
            return count
        row = list(range(len(plain) + 1))
        for number, word in enumerate(told, 1):
            above, row = row, [number]
            for place, other in enumerate(plain):
                row.append(min(above[place] + (word != other), above[place + 1] + 1, row[place] + 1))
        return min(range(len(row)), key=lambda place: (row[place], abs(place - count)))


def _plain(word: str) -> str:
    return re.sub(r"[^\w]", "", word.casefold()) or word
