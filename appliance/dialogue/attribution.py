"""Which passages a reply rests on: by the words that it shares with them, since small models do not say it themselves.

Each sentence of the reply is looked at by itself. Its telling words (`dialogue.telling`) are worth something, numbers
and names more than others; what the user has just said is worth half, as an answer repeats the question whatever it
rests on. A sentence rests on the passage that has most of its worth, if that is at least `LEAST`, at least the share
`SHARE` of the whole, and has something that the user did not say; and on a second one if that has as much of what the
first does not have. So "Yes." rests on nothing, nor does "I cannot find what E7 means", nor a sentence that only
shares a subject with the documents. The same texts always give the same result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.dialogue.abbreviations import abbreviated
from appliance.dialogue.quoting import Quotable, excerpt
from appliance.dialogue.telling import telling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LEAST: Final = 2.0
"""What a sentence and a passage have in common: two words, or one number or name and the question's words."""
SHARE: Final = 0.4
"""Of all that a sentence is worth: most of the rest are a model's own words around a fact."""
ASKED: Final = 0.5
"""Worth of a word that the question has too."""
NEW: Final = 1.0
"""What they have in common besides the question's words: one word."""
MOST_QUOTE: Final = 500
"""Characters of a passage that are given along."""
MOST_SENTENCES: Final = 500
"""Of a reply that are looked at."""
MOST_EACH: Final = 2
"""Passages that one sentence rests on."""

_STOP: Final = re.compile(r"""[.!?…؟۔।]+["'”’»)\]*_]*(?=\s)|[。！？]+|\n+""")


@dataclass(frozen=True, slots=True)
class Support:
    """A passage, by its number, that the sentences `reply[start:end]` rest on; `quote` is the part that they share."""

    passage: int
    start: int
    end: int
    quote: str


def attribute(reply: str, passages: Sequence[Quotable], question: str = "") -> list[Support]:
    """What supports a reply, in the order of its sentences; neighbours that rest on one passage count together."""
    said = [telling(f"{passage.heading}\n{passage.text}") for passage in passages]
    asked = telling(question)
    found: list[tuple[int, int, int]] = []
    last: dict[int, tuple[int, int]] = {}
    for number, (start, end) in enumerate(sentences(reply)):
        if number == MOST_SENTENCES:
            break
        for passage in _resting_on(telling(reply[start:end]), said, asked):
            at, before = last.get(passage, (0, -2))
            if before == number - 1:
                found[at] = (passage, found[at][1], end)
            else:
                at = len(found)
                found.append((passage, start, end))
            last[passage] = (at, number)
    return [
        Support(passage, start, end, excerpt(passages[passage].text, telling(reply[start:end]), MOST_QUOTE))
        for passage, start, end in found
    ]


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of a text begin and end, without the spaces around them."""
    start = 0
    for mark in _STOP.finditer(text):
        if mark[0][0] == "." and abbreviated(text[start : mark.start()], mark[0], text[mark.end() :]):
            continue
        yield from _trimmed(text, start, mark.end())
        start = mark.end()
    yield from _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    if piece.strip():
        yield start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _resting_on(
    sentence: Mapping[str, float], said: Sequence[Mapping[str, float]], asked: Mapping[str, float]
) -> Iterator[int]:
    left = {stem: weight * (ASKED if stem in asked else 1.0) for stem, weight in sentence.items()}
    least = max(LEAST, SHARE * sum(left.values()))
    for _ in range(MOST_EACH):
        worth = [sum(weight for stem, weight in left.items() if stem in each) for each in said]
        best = max(range(len(said)), key=lambda at: (worth[at], -at), default=None)
        if best is None or worth[best] < least or _new(left, said[best], asked) < NEW:
            return
        yield best
        left = {stem: weight for stem, weight in left.items() if stem not in said[best]}


def _new(sentence: Mapping[str, float], said: Mapping[str, float], asked: Mapping[str, float]) -> float:
    return sum(weight for stem, weight in sentence.items() if stem in said and stem not in asked)
