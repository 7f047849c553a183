"""Tokens of one sequence in one decode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """`tokens` take the positions `start`, `start + 1`, … of a slot.

    `outputs`: for how many of the last ones the distribution over the next token is wanted.
    """

    slot: int
    start: int
    tokens: Sequence[int]
    outputs: int = 0
