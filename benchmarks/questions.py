"""Questions about the project, and where its own documents answer them.

`questions.jsonl` was written from the documents alone, before any search had been tried with it, in the words of
somebody who does not know theirs. It is not changed to suit the search: a question goes or changes only if its
document does. Documents that came later may answer one too: on 2026-11-26 all that the searches had found for the 35
questions that one of them had missed was judged twice, by readers who knew neither the places nor the searches. Of 260
passages both said of two new ones that they answer (one question); those places were added.

Each question names the places that answer it, any of which will do: a document, and a phrase that the passage
contains. Every fourth question is held back: its results are looked at when a change has been chosen by the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from appliance.knowledge.parsing import parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.knowledge.passage import Passage

FILE: Final = Path(__file__).with_name("questions.jsonl")
ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = ("*.md", "docs/**/*.md", "models/*.md", "ansible/*.md", "systemd/*.md")


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A passage of `document` (its path) that contains `phrase`, whatever its white space and case."""

    document: str
    phrase: Annotated[str, Meta(min_length=4)]

    def is_in(self, document: str, text: str) -> bool:
        """Whether a passage is such a place."""
        return document == self.document and plain(self.phrase) in plain(text)


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question, and the places that answer it."""

    question: str
    held: bool
    answers: Annotated[tuple[Place, ...], Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Score:
    """How well questions were answered."""

    first: float
    """Share of those whose first passage answers them."""
    five: float
    """Share of those that one of the first five answers."""
    reciprocal: float
    """Mean of 1 / rank of the first passage that answers; 0 where none does."""


def questions() -> list[Question]:
    """All of them."""
    return [msgspec.json.decode(line, type=Question) for line in FILE.read_text().splitlines()]


async def documents() -> dict[str, list[Passage]]:
    """The project's documents by their paths, read as the box reads them."""
    files = sorted({file for pattern in DOCUMENTS for file in ROOT.glob(pattern)})
    found = {}
    for file in files:
        async with parsed(file, file.name) as passages:
            found[str(file.relative_to(ROOT))] = [passage async for passage in passages]
    return found


def rank(question: Question, found: Iterable[tuple[str, str]]) -> int | None:
    """The rank (from 1) of the first of some passages (document and text) that answers a question."""
    for number, (document, text) in enumerate(found, 1):
        if any(place.is_in(document, text) for place in question.answers):
            return number
    return None


def score(ranks: Sequence[int | None]) -> Score:
    """Of one rank a question."""
    found = [each for each in ranks if each is not None]
    return Score(
        first=sum(each == 1 for each in found) / len(ranks),
        five=sum(each <= 5 for each in found) / len(ranks),
        reciprocal=sum(1 / each for each in found) / len(ranks),
    )


def plain(text: str) -> str:
    """With single spaces, in lower case."""
    return " ".join(text.split()).casefold()
