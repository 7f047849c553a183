"""Cutting a text that is still being written into clauses that can be spoken already.

The first clause is short, so that the first sound comes early; later ones are longer, since they sound better and
the voice is ahead by then. A cut needs one character of what follows, to tell "3.5" and "e.g." from an end.
"""

from __future__ import annotations

import re
from typing import Final

FIRST_MIN: Final = 10
"""Characters that a first clause needs before a comma may end it."""
FIRST_MAX: Final = 60
LATER_MIN: Final = 40
"""Characters that a later clause needs before a full stop may end it; short sentences are spoken together."""
LATER_PAUSE: Final = 120
"""Characters from which a comma may end a later clause."""
LATER_MAX: Final = 240

_SENTENCE: Final = re.compile(r"""[.!?…]+["'”’)\]]*(?=\s)|[。！？]+|\n+""")
_PAUSE: Final = re.compile(r"[,;:–—]+(?=\s)|[，、；：]+")
_SPACE: Final = re.compile(r"\s+")
_ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(])(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|no|e\.g|i\.e|z\.b|d\.h|bzw|ca|nr|[a-z]|\d{1,3})\.$",
    re.IGNORECASE,
)


class Clauses:
    """Feed it text as it is written; it gives back each clause once it is certain."""

    def __init__(self) -> None:
        self._text = ""
        self._first = True

    def feed(self, text: str) -> list[str]:
        """Clauses that are complete now, in order."""
        self._text += text
        found = []
        while (end := self._end()) is not None:
            clause, self._text = self._text[:end].strip(), self._text[end:]
            if clause:
                found.append(clause)
                self._first = False
        return found

    def finish(self) -> list[str]:
        """What is left when the text has ended."""
        rest, self._text = self._text.strip(), ""
        return [rest] if rest else []

    def _end(self) -> int | None:
        shortest = 1 if self._first else LATER_MIN
        pause_from = FIRST_MIN if self._first else LATER_PAUSE
        longest = FIRST_MAX if self._first else LATER_MAX
        ends = [_first_end(_SENTENCE, self._text, shortest), _first_end(_PAUSE, self._text, pause_from)]
        certain = [end for end in ends if end is not None and end <= longest]
        if certain:
            return min(certain)
        if len(self._text) <= longest:
            return None
        spaces = [match.end() for match in _SPACE.finditer(self._text, 0, longest)]
        return spaces[-1] if spaces and self._text[: spaces[-1]].strip() else longest


def split(text: str) -> list[str]:
    """The clauses of a text that is complete."""
    clauses = Clauses()
    return [*clauses.feed(text), *clauses.finish()]


def _first_end(mark: re.Pattern[str], text: str, shortest: int) -> int | None:
    for match in mark.finditer(text):
        if match.end() >= shortest and not _ABBREVIATION.search(text[: match.end()]):
            return match.end()
    return None
