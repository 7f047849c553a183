"""Where the words of a text are: what a voice says one after another, and a listener hears whole or not at all."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_TOKEN: Final = re.compile(r"\S+")
UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Japanese, Chinese: written without spaces, so that each character counts as a word."""
_TRAILING: Final = frozenset("ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮーะาำๆฯ")
"""Characters that belong to the one before."""
_LEADING: Final = frozenset("เแโใไເແໂໃໄ")
"""Vowels that are written before the consonant they follow."""


def words(text: str) -> list[tuple[int, int]]:
    """Ranges of characters, in order; punctuation goes with its word. What has no letter or digit is no word."""
    found = []
    for token in _TOKEN.finditer(text):
        if UNSPACED.search(token[0]):
            found += [(token.start() + start, token.start() + end) for start, end in _characters(token[0])]
        elif any(map(str.isalnum, token[0])):
            found.append(token.span())
    return found


def unspaced(character: str) -> bool:
    """Whether it is of a script that has no spaces between words."""
    return UNSPACED.match(character) is not None


def _characters(token: str) -> list[tuple[int, int]]:
    starts = [0]
    for at in range(1, len(token)):
        this, before = token[at], token[at - 1]
        if this in _TRAILING or before in _LEADING or unicodedata.category(this)[0] not in "LN":
            continue
        if unspaced(this) or unspaced(before) or not before.isalnum():
            starts.append(at)
    ends = [*starts[1:], len(token)]
    pieces: list[tuple[int, int]] = []
    start = 0
    for end in ends:
        if any(map(str.isalnum, token[start:end])):
            pieces.append((start, end))
            start = end
    return pieces
