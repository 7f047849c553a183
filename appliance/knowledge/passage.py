"""The unit that is found again: a stretch of a document that can be understood by itself."""

from __future__ import annotations

import msgspec


class Passage(msgspec.Struct, frozen=True, tag=True):
    """A slice of a document's whole text: at most 260 words and 2,080 characters.

    The whole text is all blocks' texts after cleaning: an empty line lies between two paragraphs, a newline between two
    rows or items.
    """

    text: str
    heading: str
    """The titles above it, outermost first: "Manual › Setup › Power". Empty without any."""
    page: int | None
    """The page that it begins on, from 1; None where the format has no pages."""
    ordinal: int
    """From 0, without gaps."""
    start: int
    """Where it begins in the document's whole text, in characters."""
