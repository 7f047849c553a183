"""Which passages a reply rests on: by the words that it shares with them, since small models do not say it themselves.

Each sentence of the reply is looked at by itself. Its telling words (`dialogue.telling`) are worth something, numbers
and names more than others, a small number only beside the words that it stands beside there too; what the user has just
said is worth half, as an answer repeats the question whatever it rests on. A sentence rests on the passage that has
most of its worth, if that is at least `LEAST`, at least the share `SHARE` of the whole, and has something that the user
did not say; and on a second one if that has as much of what the first does not have. So "Yes." rests on nothing, nor
does "I cannot find what E7 means", nor a sentence that only shares a subject with the documents. The same texts always
give the same result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.dialogue.abbreviations import abbreviated
from appliance.dialogue.quoting import Excerpts, Quotable
from appliance.dialogue.telling import Gist, gist, telling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

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
MOST_SUPPORTS: Final = 20
"""Of a reply; what comes behind rests on nothing."""
LITTLE: Final = 0.5
"""Worth of a number of one or two digits whose neighbours are others: "2 airports", "2 pumps"."""

_STOP: Final = re.compile(r"""[.!?…؟۔।]{1,8}["'”’»)\]*_]{0,8}(?=\s)|[。！？]+|\n+""")
_MARKER: Final = re.compile(r"[\s*_#>•–-]{0,8}\(?[0-9]{1,2}[.)][*_]{0,3}(?=\s)")
"""What numbers a list, before a sentence: no word of the reply's, and no end of one."""
_NEAR: Final = 40
"""Characters beside a full stop that say what it is."""


@dataclass(frozen=True, slots=True)
class Support:
    """A passage, by its number, that the sentences `reply[start:end]` rest on; `quote` is the part that they share."""

    passage: int
    start: int
    end: int
    quote: str


def attribute(reply: str, passages: Sequence[Quotable], question: str = "") -> list[Support]:
    """What supports a reply, in the order of its sentences; neighbours that rest on one passage count together."""
    excerpts = [Excerpts(passage.text) for passage in passages]
    said = [_Said(each.gist, telling(passage.heading)) for each, passage in zip(excerpts, passages, strict=True)]
    asked = telling(question).keys()
    found: list[tuple[int, int, int]] = []
    last: dict[int, tuple[int, int]] = {}
    for number, (start, end) in enumerate(sentences(reply)):
        if number == MOST_SENTENCES or len(found) >= MOST_SUPPORTS:
            break
        marker = _MARKER.match(reply[start:end])
        for passage in _resting_on(gist(reply[start + (marker.end() if marker else 0) : end]), said, asked):
            at, before = last.get(passage, (0, -2))
            if before == number - 1:
                found[at] = (passage, found[at][1], end)
            else:
                at = len(found)
                found.append((passage, start, end))
            last[passage] = (at, number)
    return [
        Support(passage, start, end, excerpts[passage].about(telling(reply[start:end]), MOST_QUOTE))
        for passage, start, end in found[:MOST_SUPPORTS]
    ]


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of a text begin and end, without the spaces around them."""
    start = 0
    for mark in _STOP.finditer(text):
        before, after = text[max(start, mark.start() - _NEAR) : mark.start()], text[mark.end() : mark.end() + _NEAR]
        if mark[0][0] == "." and abbreviated(before, mark[0], after):
            continue
        if (marker := _MARKER.match(text, start)) and marker.end() >= mark.end():
            continue
        yield from _trimmed(text, start, mark.end())
        start = mark.end()
    yield from _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    if piece.strip():
        yield start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


class _Said:
    """What a passage says, its heading included."""

    def __init__(self, text: Gist, heading: Mapping[str, float]) -> None:
        self.stems = text.stems.keys() | heading.keys()
        self._beside = text.beside

    def worth(self, sentence: Gist, left: Mapping[str, float], asked: AbstractSet[str]) -> dict[str, float]:
        """What of a sentence's words it has, with what each is worth."""
        shared = {stem: left[stem] for stem in left.keys() & self.stems}
        for number in sentence.beside.keys() & shared.keys():
            beside = sentence.beside[number] or asked  # an answer that is a number says it of what was asked
            if beside.isdisjoint(self._beside.get(number, ())):
                shared[number] = min(LITTLE, shared[number])
        return shared


def _resting_on(sentence: Gist, said: Sequence[_Said], asked: AbstractSet[str]) -> Iterator[int]:
    left = {stem: weight * (ASKED if stem in asked else 1.0) for stem, weight in sentence.stems.items()}
    least = max(LEAST, SHARE * sum(left.values()))
    for _ in range(MOST_EACH):
        worth = [each.worth(sentence, left, asked) for each in said]
        sums = [sum(each.values()) for each in worth]
        best = max(range(len(said)), key=lambda at: (sums[at], -at), default=None)
        if best is None or sums[best] < least:
            return
        if sum(weight for stem, weight in worth[best].items() if stem not in asked) < NEW:
            return
        yield best
        left = {stem: weight for stem, weight in left.items() if stem not in said[best].stems}
