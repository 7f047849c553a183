"""Blocks to passages. Pure: an iterator goes in, and each passage comes out as soon as it is certain.

- A passage has some 150 words, 260 at most, and is a slice of the document's whole text.
- It begins and ends with a sentence. Only a sentence that is too long for a passage is cut.
- A heading begins a passage. A section of a few words is joined with the one that follows under the same parent.
- Where a section is too long for one passage, the last sentence of one is also the first of the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.dialogue.size import WORD_CHARACTERS, size
from appliance.knowledge.draft import Draft, Piece
from appliance.knowledge.sentences import bare, forced, sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from appliance.knowledge.block import Block
    from appliance.knowledge.passage import Passage

TARGET_WORDS: Final = 150
"""What five such passages say fits into the room that a reply has for quotes; of larger ones much is left out."""
MOST_WORDS: Final = 260
MOST_CHARACTERS: Final = MOST_WORDS * WORD_CHARACTERS
FEW_WORDS: Final = 40
"""Fewer do not make a good passage of their own."""
OVERLAP_WORDS: Final = 40
"""A longer sentence is not said again."""
HEADING_CHARACTERS: Final = 200
"""A heading that is longer is a paragraph that only looks like one."""


def passages(blocks: Iterable[Block]) -> Iterator[Passage]:
    """The passages of a document. Holds two of them and a block in memory."""
    chunker = _Chunker()
    for block in blocks:
        if block.text and not block.text.isspace():
            yield from chunker.feed(block)
    yield from chunker.finish()


class _Chunker:
    def __init__(self) -> None:
        self._trail: list[tuple[int, str]] = []
        self._draft = Draft()
        self._held: Draft | None = None
        """The passage before the draft, if of the same section: a short rest is added to it."""
        self._kind, self._gap = "", ""
        """Of the block before: its kind, and the white space that it ended with."""
        self._length = self._ordinal = 0

    def feed(self, block: Block) -> Iterator[Passage]:
        heading = block.level is not None and len(block.text) <= HEADING_CHARACTERS
        if heading:
            yield from self._enter(block.level or 0, " ".join(block.text.split()))
        pieces = self._pieces(block, heading=heading)
        together = sum(piece.size for piece in pieces)
        if together <= TARGET_WORDS:  # a paragraph is kept whole
            if self._draft.size >= TARGET_WORDS // 2 and self._draft.size + together > TARGET_WORDS:
                yield from self._split()
            self._draft.add(*pieces)
            return
        for piece in pieces:
            if self._over(piece):
                yield from self._split()
            if self._draft.size + piece.size > MOST_WORDS:
                self._draft.lap = None
            self._draft.add(piece)

    def finish(self) -> Iterator[Passage]:
        """The section is complete."""
        held, draft = self._held, self._draft
        self._held, self._draft = None, Draft()
        if held is not None and draft.own_size < FEW_WORDS and held.size + draft.own_size <= MOST_WORDS:
            held.add(*draft.pieces)
            draft = Draft()
        for complete in (held, draft):
            if complete is not None and complete.pieces:
                yield self._number(complete)

    def _enter(self, level: int, title: str) -> Iterator[Passage]:
        """A heading: the section before is complete, unless it is so short that this one goes with it."""
        while self._trail and self._trail[-1][0] >= level:
            self._trail.pop()
        parent = tuple(above for _, above in self._trail)
        last = self._draft.pieces[-1].trail if self._draft.pieces else ()
        short = self._held is None and self._draft.size < FEW_WORDS
        if not (short and parent in (last, last[:-1])):
            yield from self.finish()
        self._trail.append((level, title))

    def _pieces(self, block: Block, *, heading: bool) -> list[Piece]:
        between = "\n" if block.kind == self._kind != "text" else "\n\n"
        before = self._gap + (between if self._length and not block.joined else "")
        offset = self._length + len(before) - len(self._gap)
        trail = tuple(title for _, title in self._trail)
        pieces: list[Piece] = []
        end = 0
        prose = block.kind == "text" and not heading
        whole = heading or (block.kind != "text" and size(block.text) <= TARGET_WORDS)
        for first, last in bare(block.text, 0, len(block.text)) if whole else _ranges(block.text):
            before, text = before + block.text[end:first], block.text[first:last]
            pieces.append(Piece(offset + first, before, text, size(before + text), trail, block.page, heading, prose))
            before, end = "", last
        self._kind, self._gap, self._length = block.kind, block.text[end:], offset + len(block.text)
        return pieces

    def _over(self, piece: Piece) -> bool:
        """Whether the draft is full before this piece."""
        most = MOST_WORDS if self._draft.own_size < FEW_WORDS else TARGET_WORDS
        return bool(self._draft.pieces) and self._draft.size + piece.size > most

    def _split(self) -> Iterator[Passage]:
        if self._held is not None:
            yield self._number(self._held)
        self._held, last = self._draft, self._draft.pieces[-1]
        self._draft = Draft(last if last.prose and last.size <= OVERLAP_WORDS else None)

    def _number(self, draft: Draft) -> Passage:
        self._ordinal += 1
        return draft.passage(self._ordinal - 1)


def _ranges(text: str) -> Iterator[tuple[int, int]]:
    """Sentences; those that are too long for a passage in several parts."""
    for start, end in sentences(text):
        at = start
        while end - at > TARGET_WORDS * WORD_CHARACTERS or size(text[at:end]) > TARGET_WORDS:
            cut = min(end, at + TARGET_WORDS * WORD_CHARACTERS)
            while (words := size(text[at:cut])) > TARGET_WORDS:
                cut = at + max(1, (cut - at) * TARGET_WORDS // (words + 1))
            cut = forced(text, at, cut)
            yield from bare(text, at, cut)
            at = cut
        yield from bare(text, at, end)
