"""How long a text is, in words, whatever its script."""

from __future__ import annotations

from typing import Final

from appliance.dialogue.words import UNSPACED

WORD_CHARACTERS: Final = 8
"""A word counts for its characters where they are more: digits, keys and addresses have no spaces."""


def size(text: str) -> int:
    """Words, or characters / 8 if that is more. Scripts without spaces have a word a character."""
    words = len(text.split())
    if not text.isascii():
        words += len(UNSPACED.findall(text))
    return max(words, -(-len(text) // WORD_CHARACTERS))
