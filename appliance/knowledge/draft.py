"""A passage in the making."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from appliance.knowledge.passage import Passage

SEPARATOR: Final = " › "


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, line or heading of the document; never cut again."""

    start: int
    """Its place in the document's whole text, in characters."""
    before: str
    """The white space between the piece before it and this one."""
    text: str
    size: int
    """In words; of what is before it too."""
    trail: tuple[str, ...]
    """Titles above it, and its own if it is a heading."""
    page: int | None
    heading: bool = False
    prose: bool = True


@dataclass(slots=True)
class Draft:
    """Pieces that follow each other without a gap. `lap` is the last one of the passage before, said again."""

    lap: Piece | None = None
    pieces: list[Piece] = field(default_factory=list)
    own_size: int = 0
    """Of the pieces, in words."""

    @property
    def size(self) -> int:
        """In words, with the lap."""
        return self.own_size + (self.lap.size if self.lap is not None else 0)

    def add(self, *pieces: Piece) -> None:
        """Go on with these."""
        self.pieces += pieces
        self.own_size += sum(piece.size for piece in pieces)

    def passage(self, ordinal: int) -> Passage:
        """The passage. Headings that it begins with are in its trail, or else in its text."""
        pieces = [*([self.lap] if self.lap is not None else []), *self.pieces]
        while len(pieces) > 1 and pieces[0].heading:
            below = _common([piece.trail for piece in pieces[1:]])
            if below[: len(pieces[0].trail)] != pieces[0].trail:
                break
            del pieces[0]
        trail = _common([piece.trail for piece in pieces])
        titles = [title for at, title in enumerate(trail) if not at or title != trail[at - 1]]
        text = pieces[0].text + "".join(piece.before + piece.text for piece in pieces[1:])
        page = next((piece.page for piece in pieces if piece.page is not None), None)
        return Passage(text, SEPARATOR.join(titles), page, ordinal, pieces[0].start)


def _common(trails: list[tuple[str, ...]]) -> tuple[str, ...]:
    shortest, longest = min(trails), max(trails)
    for at, title in enumerate(shortest):
        if title != longest[at]:
            return shortest[:at]
    return shortest
