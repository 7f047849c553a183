"""What was said of a reply, word by word, and so what of it was heard when it was broken off."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from appliance.jobs import SPEECH_RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.jobs import Mark

WORD: Final = re.compile(r"\S+")


@dataclass(slots=True)
class _Clause:
    """Samples count from the reply's first one."""

    text: str
    spoken: str
    start: int
    samples: int = 0
    marks: list[Mark] = field(default_factory=list)


class Spoken:
    """A reply's clauses in order, each with its audio as it comes."""

    def __init__(self) -> None:
        self._clauses: list[_Clause] = []
        self._samples = 0

    @property
    def milliseconds(self) -> float:
        """Of all its audio."""
        return self._samples * 1000 / SPEECH_RATE

    def clause(self, text: str, spoken: str) -> None:
        """The next clause as it was written, and the words that are given to the voice."""
        self._clauses.append(_Clause(text, spoken, self._samples))

    def audio(self, samples: int, marks: Sequence[Mark]) -> None:
        """More audio of the last clause; `marks` count from the clause's first sample."""
        clause = self._clauses[-1]
        clause.samples += samples
        clause.marks += marks
        self._samples += samples

    def heard(self, milliseconds: float) -> str:
        """What was written, up to the last word that was heard by then: more than half of it, to be exact."""
        end = milliseconds * SPEECH_RATE / 1000
        said: list[str] = []
        kept = 0
        for clause in self._clauses:
            if end >= self._samples or clause.start + clause.samples <= end:
                said.append(clause.text)
                kept = len(said) if clause.samples else kept
                continue
            if part := _heard(clause, end - clause.start):
                said.append(part)
                kept = len(said)
            break
        if end >= self._samples and self._clauses:
            kept = len(said)
        return " ".join(said[:kept])


def _heard(clause: _Clause, end: float) -> str:
    """A clause up to its last word that was heard after `end` samples of it."""
    words, before = 0, 0
    for mark in clause.marks:
        if end < (before + mark.sample) / 2:
            break
        words, before = words + 1, mark.sample
    if words == 0:
        return ""
    if words == len(clause.marks) and end >= clause.samples:
        return clause.text
    upto = clause.marks[words - 1].end
    if clause.text == clause.spoken:
        return clause.text[:upto]
    # What was written differs from what was said: the same share of its words.
    written = list(WORD.finditer(clause.text))
    said = len(WORD.findall(clause.spoken)) or 1
    share = round(len(WORD.findall(clause.spoken[:upto])) * len(written) / said)
    return clause.text[: written[share - 1].end()] if share else ""
