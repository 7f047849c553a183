"""Guessing the next tokens, so that one step can check several (speculative decoding).

What is guessed right is exactly what would have been drawn without it: each guess is compared with the token drawn
from the model's own row.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST: Final = 4
SHORTEST: Final = 2
"""Tokens that have to occur again before what followed them is guessed."""


class Drafter(Protocol):
    """Whoever guesses."""

    def guess(self, tokens: Sequence[int], most: int) -> Sequence[int]:
        """Up to `most` tokens that may follow."""

    def close(self) -> None:
        """Give back what it holds."""


class PromptLookup:
    """Guesses that a phrase goes on as it did before in the same conversation.

    After "Prompt lookup decoding" (Apoorv Saxena, 2023): good for replies that quote, useless for others.
    """

    def __init__(self, most: int) -> None:
        self._most = most

    def close(self) -> None:
        """Nothing is held."""

    def guess(self, tokens: Sequence[int], most: int) -> Sequence[int]:
        """What followed the latest occurrence of the last few tokens."""
        text = array("i", tokens)
        data, size = text.tobytes(), text.itemsize
        for length in range(LONGEST, SHORTEST - 1, -1):
            if len(text) <= length:
                continue
            at = _rfind(data, text[-length:].tobytes(), len(data) - size, size)
            if at >= 0:
                follows = at // size + length
                return text[follows : follows + min(most, self._most)]
        return ()


def _rfind(data: bytes, wanted: bytes, end: int, size: int) -> int:
    """Last place of `wanted` before `end` that is the beginning of an item."""
    while (at := data.rfind(wanted, 0, end)) >= 0:
        if at % size == 0:
            return at
        end = at + len(wanted) - 1
    return -1
