"""From Whisper's tokens with times to sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECONDS_A_TIME: Final = 0.02
"""Whisper's times are in steps of so much."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Its text tokens, and where it begins and ends in seconds from the beginning of the pass."""

    start: float
    end: float
    tokens: list[int]


def sentences(tokens: Sequence[int], first_time: int, seconds: float) -> Iterator[Sentence]:
    """Cut at tokens that are times: `first_time` is the one for 0.00 s, later times are higher.

    Whisper writes `<begin> words <end>` over and over. A begin or an end that it leaves out is where its neighbour is,
    or the end of the audio, which is `seconds` long; no time lies after that.
    """
    start, words = 0.0, list[int]()
    for token in tokens:
        if token < first_time:
            words.append(token)
            continue
        time = min((token - first_time) * SECONDS_A_TIME, seconds)
        if words:
            yield Sentence(start, max(start, time), words)
            words = []
        start = max(start, time)
    if words:
        yield Sentence(start, max(start, seconds), words)
