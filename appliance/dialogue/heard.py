"""What was said of a reply, word by word, and so what of it was heard when it was broken off.

A word counts as heard when more than half of it was. Clauses that have no words to say, such as a block of code, belong
to what comes after them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

from appliance.dialogue.words import unspaced, words
from appliance.jobs import SPEECH_RATE, Mark

if TYPE_CHECKING:
    from collections.abc import Sequence

_CLOSE: Final = frozenset("。！？，、；：…」』）》】")
"""Punctuation of scripts without spaces: what follows it follows at once."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A word that is said, and when: milliseconds from the reply's first sample."""

    text: str
    start: float
    end: float
    written: str
    """What stands for it in the reply: the captions of a clause together are all of what was written."""


@dataclass(slots=True)
class _Clause:
    """`start` and `samples` at `SPEECH_RATE`; `start` from the reply's first sample, marks from the clause's."""

    text: str
    spoken: str
    start: int
    samples: int = 0
    marks: list[Mark] = field(default_factory=list)

    def timed(self) -> Sequence[Mark]:
        """Its marks; where the voice gave none, as if all characters took equally long."""
        if self.marks:
            return self.marks
        size = len(self.spoken)
        return [Mark(start, end, self.samples * end // size) for start, end in words(self.spoken)]

    def heard(self, end: int, *, complete: bool) -> str:
        """What was written, up to the last word that was heard after `end` samples of it."""
        if self.marks and not complete:
            complete = self.marks[-1].end >= max((word[1] for word in words(self.spoken)), default=0)
        marks, count, before = self.timed(), 0, 0
        if end >= self.samples:
            count = len(marks)
        else:
            for mark in marks:
                if end * 2 <= before + mark.sample:
                    break
                count, before = count + 1, mark.sample
        if count == len(marks) and (complete or not self.marks):
            return self.text
        return self.text[: self.written([marks[count - 1].end])[0]] if count else ""

    def written(self, ends: Sequence[int]) -> list[int]:
        """How much of `text` says the first characters of `spoken`, up to each of `ends`."""
        return _places(self.text, self.spoken, ends)

    def captions(self) -> list[Caption]:
        """The words that are said, as far as the audio goes."""
        marks = self.timed() if self.samples else ()
        places = self.written([mark.end for mark in marks])
        if marks and marks[-1].end >= max((end for _, end in words(self.spoken)), default=0):
            places[-1] = len(self.text)
        found, sample, place = [], 0, 0
        for mark, upto in zip(marks, places, strict=True):
            start, end = (round((self.start + at) * 1000 / SPEECH_RATE, 3) for at in (sample, mark.sample))
            found.append(Caption(self.spoken[mark.start : mark.end], start, end, self.text[place:upto]))
            sample, place = mark.sample, max(place, upto)
        return found


class Spoken:
    """A reply's clauses in order, each with its audio as it comes."""

    def __init__(self) -> None:
        self._clauses: list[_Clause] = []
        self._samples = 0

    @property
    def milliseconds(self) -> float:
        """Of all its audio."""
        return self._samples * 1000 / SPEECH_RATE

    @property
    def clauses(self) -> int:
        """How many there are, the one that is being said among them."""
        return len(self._clauses)

    def captions(self) -> list[Caption]:
        """The words of the last clause, as far as its audio goes. Where the voice gave no marks they are estimated."""
        return self._clauses[-1].captions()

    def clause(self, text: str, spoken: str) -> None:
        """The next clause as it was written, and the words that are given to the voice; none if `spoken` is empty."""
        self._clauses.append(_Clause(text, spoken, self._samples))

    def audio(self, samples: int, marks: Sequence[Mark]) -> None:
        """More audio of the last clause; `marks` count from the clause's first sample."""
        clause = self._clauses[-1]
        clause.samples += samples
        clause.marks += marks
        self._samples += samples

    def heard(self, milliseconds: float) -> str:
        """What was written, up to the last word that was heard by then. After all audio that is everything said."""
        end = round(milliseconds * SPEECH_RATE / 1000)
        text, waiting = "", ""
        for number, clause in enumerate(self._clauses, 1):
            if not clause.spoken:
                waiting = _joined(waiting, clause.text)
                continue
            part = ""
            if clause.samples:
                part = clause.heard(end - clause.start, complete=number < len(self._clauses))
            if part:
                text, waiting = _joined(_joined(text, waiting), part), ""
            if part != clause.text:
                return text
        return _joined(text, waiting) if end >= self._samples else text


def _joined(before: str, after: str) -> str:
    if not before or not after:
        return before or after
    last = before[-1]
    close = last in _CLOSE or unspaced(last) or unspaced(after[0]) or last.isspace() or after[0].isspace()
    return before + after if close else f"{before} {after}"


def _places(text: str, spoken: str, ends: Sequence[int]) -> list[int]:
    """Lengths of the beginnings of `text` that `spoken[:end]` says, with the markup that goes with the last word."""
    if text == spoken:
        return list(ends)
    blocks = SequenceMatcher(None, text, spoken, autojunk=False).get_matching_blocks() if ends else []
    found = []
    for upto in ends:
        place, limit = 0, len(text)
        for block in blocks:
            if block.b >= upto:
                limit = block.a
                break
            place = block.a + min(block.size, upto - block.b)
            if block.b + block.size > upto:
                limit = place
                break
        while place < limit and not text[place].isspace() and not unspaced(text[place]):
            place += 1
        found.append(place)
    return found
