"""What of a written text is said aloud: markup, links and pictures are for the eye.

Numbers, units and signs such as &, %, @, + and ° are left to the voice: it knows what its language calls them.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from typing import Final

Rules = tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]

_FENCE: Final = re.compile(r"`{3,}|(?:^|\n)[ ]{0,3}~{3,}")

_SAID: Final = frozenset("°©®™№℃℉℅ℓ")
"""Signs that the voice has a word for."""
_PICTURES: Final = (("\u2500", "\u27ef"), ("\u2b00", "\u2bff"), ("\U0001f000", "\U0001ffff"))
_SILENT: Final = re.compile(
    "[\ufe00-\ufe0f\u20d0-\u20e3\U000e0000-\U000e01ef\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
    "|(?<![\u0600-\u0dff])[\u200c\u200d]"
)
"""Variation selectors, key caps, tags, marks of direction; joiners where they join no letters."""

_BLOCKS: Final[Rules] = (
    (re.compile(r"[^\S\n]+"), " "),
    (re.compile(r"\n\s+"), "\n"),
    (re.compile(r"`{3,}.*?(?:`{3,}|\Z)|^[ ]{0,3}~{3,}.*?(?:^[ ]{0,3}~{3,}|\Z)", re.DOTALL | re.MULTILINE), " "),
    (re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL), " "),
    (re.compile(r"<((?:https?://|mailto:)[^<>\s]+|[^<>\s@]+@[^<>\s]+)>"), r"\1"),
    (re.compile(r"</?[a-zA-Z][^<>]*>"), " "),
    (re.compile(r"&(?:#\w{1,8}|\w{2,32});"), lambda match: html.unescape(match[0])),
    (re.compile(r"^[ ]{0,3}\[[^\]\n]+\]:[ \t]*\S+.*$", re.MULTILINE), " "),  # where links are defined
    (re.compile(r"[ ]?\[\^[^\]\n]*\]"), ""),  # footnotes
    (re.compile(r"!?\[([^\[\]]*)\]\([^()]*(?:\([^()]*\)[^()]*)*\)"), r"\1"),  # links and pictures: their words
    (re.compile(r"!?\[([^\[\]]+)\]\[[^\[\]]*\]"), r"\1"),
    (
        re.compile(
            r"(?:https?://(?:www\.)*|\b(?:www\.)+)([^\s/?#<>()\[\]]+)(?:[/?#](?:[^\s<>]*[^\s<>.,;:!?)\]\"'”»])?)?"
        ),
        r"\1",
    ),
    (re.compile(r"\bmailto:"), ""),
)

_LINES: Final[Rules] = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        (r"^[ \t]*[-*_=](?:[ \t]*[-*_=]){2,}[ \t]*$", " "),  # rules
        (r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)+$", " "),  # the line below a table's head
        (
            r"^\s*(?:>[ \t]?|#{1,6}[ \t]+|[-*+•◦‣▪–—][ \t]+(?:\[[ xX]\][ \t]+)?)+",
            "",
        ),  # quotes, headings, bullets, tasks
        (r"[ \t]+#+[ \t]*$", ""),
        (r"^[ \t]*\||\|[ \t]*$", ""),
        (r"[ \t]*\|[ \t|]*", ", "),  # cells of a table
    )
)

_SIGNS: Final[Rules] = (
    (re.compile(r"\\(?=[^\w\s])"), ""),
    (re.compile(r"(?<=\d)[ ]?\*[ ]?(?=\d)"), " × "),
    (re.compile(r"(?<![^\s(])~[ ]?(?=[\d$€£])"), "≈ "),
    (re.compile(r"(?<=[^\W_])_+(?=[^\W_])"), " "),
    (re.compile(r"[*_`~\[\]{}]+"), ""),
    (re.compile(r"(?<!\S)#(?=[^\W\d])"), ""),
    (re.compile(r"\s*(?:[-=]+>|<[-=]+|[\u2190-\u21ff\u27f0-\u27ff\u2900-\u297f]+)\s*"), ", "),
    (re.compile(r"(?<!\S)[:;]-?[()DP](?!\S)"), " "),
    (re.compile(r"[\x00-\x1f\x7f-\x9f\s]+"), " "),
    (re.compile(r"([!?])[!?]+"), lambda match: "?" if "?" in match[0] else "!"),
    (re.compile(r"(?:\s*(?:\.\.+|…))+\s*(?=[,;:.!?]|$)"), "."),
    (re.compile(r"(?:\s*(?:\.\.+|…))+\s*"), ", "),  # voices run on over an ellipsis
    (re.compile(r"[-–—]{2,}"), "—"),
    (re.compile(r"\(\s*\)|\"\s*\"|“\s*”"), " "),
    (re.compile(r"[ ]+(?=[,.!?;:](?:\s|$))"), ""),
    (re.compile(r"([,;:])(?:\s*[,;:])+"), r"\1"),
    (re.compile(r"[,;:]+(?=[.!?](?:\s|$))"), ""),
    (re.compile(r"([.!?])(?:[,;:.]+)(?=\s|$)"), r"\1"),
    (re.compile(r"^[\s,;:]+|\s+$"), ""),
    (re.compile(r" {2,}"), " "),
)


def speakable(text: str) -> str:
    """The words to say; empty if the text has none. What is speakable stays as it is."""
    before = None
    while text != before:
        before = text
        for pattern, replacement in (*_BLOCKS, *_LINES):
            text = pattern.sub(replacement, text)
        text = _SILENT.sub("", "".join(map(_letter, text)))
        for pattern, replacement in _SIGNS:
            text = pattern.sub(replacement, text)
    return text if any(map(str.isalnum, text)) else ""


class SpokenText:
    """The same for a text that comes clause by clause: it remembers being inside a block of code."""

    def __init__(self) -> None:
        self._in_code = False

    def speakable(self, clause: str) -> str:
        """The words to say of the next clause."""
        said = []
        for number, piece in enumerate(_FENCE.split(clause)):
            if number:
                self._in_code = not self._in_code
            if not self._in_code:
                said.append(piece)
        return speakable(" ".join(said))


def _letter(character: str) -> str:
    """A space for what is a picture (emoji with all that colours them, boxes, marks to tick) or half a character."""
    if character < "\u00a0" or character in _SAID:
        return character
    pictured = any(first <= character <= last for first, last in _PICTURES)
    if pictured and not character.isalnum():
        return " "
    squared = "\u3200" <= character <= "\u33ff"
    category = unicodedata.category(character)
    return " " if category == "Cs" or (category == "So" and not squared) else character
