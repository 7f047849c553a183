"""What of a written text is said aloud: markup, links and pictures are for the eye."""

from __future__ import annotations

import re
from typing import Final

_RULES: Final = (
    (re.compile(r"```.*?(```|$)", re.DOTALL), " "),  # a block of code
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),  # links and pictures: their words
    (re.compile(r"https?://(?:www\.)?([^\s/]+)\S*"), r"\1"),
    (re.compile(r"^\s{0,3}(?:#{1,6}|>|[-*+•])\s+", re.MULTILINE), ""),  # headings, quotes, bullets
    (re.compile(r"[*_`~]{1,3}(?=\S)|(?<=\S)[*_`~]{1,3}"), ""),
    (re.compile("[\U0001f000-\U0001faff\u2190-\u21ff\u2600-\u27bf\ufe0f\u200d]"), " "),
    (re.compile(r"<[^<>\s][^<>]*>"), " "),
    (re.compile(r"[\x00-\x1f\x7f-\x9f\s]+"), " "),
)


def speakable(text: str) -> str:
    """The words to say; empty if the text has none."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = text.strip()
    return text if any(character.isalnum() for character in text) else ""


class SpokenText:
    """The same for a text that comes clause by clause: it remembers being inside a block of code."""

    def __init__(self) -> None:
        self._in_code = False

    def speakable(self, clause: str) -> str:
        """The words to say of the next clause."""
        said = []
        for number, piece in enumerate(clause.split("```")):
            if number:
                self._in_code = not self._in_code
            if not self._in_code:
                said.append(piece)
        return speakable(" ".join(said))
