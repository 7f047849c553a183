"""A model that only counts, for the scheduler: it keeps cells as llama.cpp's unified cache does, and what it says next
depends on all that it really holds, so that any mix-up of the cache changes the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from appliance.engines.llama.piece import Piece

END = 0
WORDS = 23


def after(tokens: Sequence[int]) -> int:
    """What this model says after these tokens; `END` now and then."""
    return crc32(repr(list(tokens)).encode()) % WORDS


def reference(prompt: Sequence[int], room: int) -> list[int]:
    """The reply that a model alone would give."""
    tokens = list(prompt)
    said: list[int] = []
    while len(said) < room:
        word = after(tokens)
        if word == END:
            break
        said.append(word)
        tokens.append(word)
    return said


@dataclass(slots=True)
class Cell:
    """One cell: a token at a position, for some slots."""

    token: int = -1
    position: int = -1
    slots: set[int] = field(default_factory=set)


class Tape:
    """The model. `rows` has what each output of the last decode had read before it."""

    def __init__(self, cells: int, slots: int, *, rewinds: bool = True, widest: int = 64, narrow: bool = False) -> None:
        """`narrow`: now and then there is no room although there are free cells, as in a cache split by layers."""
        self.cells, self.slots, self.rewinds, self.widest = cells, slots, rewinds, widest
        self._narrow, self._decodes = narrow, 0
        self._cells = [Cell() for _ in range(cells)]
        self.rows: list[list[int]] = []
        self.read = 0
        """Tokens read in the last decode."""

    @property
    def free(self) -> int:
        """Cells of nobody."""
        return sum(not cell.slots for cell in self._cells)

    def held(self, slot: int) -> list[int]:
        """Tokens of a slot; they stand at every position from the first."""
        mine = sorted((cell.position, cell.token) for cell in self._cells if slot in cell.slots)
        assert [position for position, _ in mine] == list(range(len(mine)))
        return [token for _, token in mine]

    def decode(self, pieces: Sequence[Piece]) -> list[int] | None:
        """Read pieces, as llama.cpp would or would not."""
        total = sum(len(piece.tokens) for piece in pieces)
        assert 0 < total <= self.widest
        assert len({piece.slot for piece in pieces}) == len(pieces)
        self._decodes += 1
        if total > self.free or (self._narrow and self._decodes % 7 == 0 and len(pieces) > 1):
            return None
        rows: list[int] = []
        self.rows, self.read = [], total
        for piece in pieces:
            held = self.held(piece.slot)
            assert piece.start == len(held), "positions follow on what is there"
            rows.append(len(self.rows) + len(piece.tokens) - piece.outputs)
            for offset, token in enumerate(piece.tokens):
                held.append(token)
                cell = next(cell for cell in self._cells if not cell.slots)
                cell.token, cell.position, cell.slots = token, piece.start + offset, {piece.slot}
                self.rows.append(list(held))
        return rows

    def embed(self, piece: Piece) -> NDArray[np.float32]:
        """A state for each token: how many came before it."""
        assert self.decode([piece]) is not None
        return np.array([[len(row)] for row in self.rows], np.float32)

    def copy(self, source: int, target: int, size: int) -> None:
        """Share a beginning."""
        assert not self.held(target)
        assert self.rewinds or size == len(self.held(source))
        for cell in self._cells:
            if source in cell.slots and cell.position < size:
                cell.slots.add(target)

    def cut(self, slot: int, size: int) -> bool:
        """Keep a beginning, if this model can go back."""
        if not self.rewinds and size < len(self.held(slot)):
            self.drop(slot)
            return False
        for cell in self._cells:
            if cell.position >= size:
                cell.slots.discard(slot)
        return True

    def drop(self, slot: int) -> None:
        """Empty a slot."""
        for cell in self._cells:
            cell.slots.discard(slot)


class Scribe:
    """A pen that writes down what the model says. `guesses`: how it guesses what comes next."""

    def __init__(self, tape: Tape, room: int, guesses: str = "not") -> None:
        self._tape, self._room, self._guesses = tape, room, guesses
        self.said: list[int] = []
        self.ends = 0
        self.cached = -1
        self.states: NDArray[np.float32] | None = None

    def started(self, cached: int) -> None:
        """Once."""
        assert self.cached == -1
        self.cached = cached

    def draw(self, row: int) -> int | None:
        """The model's next word."""
        assert not self.ends
        word = after(self._tape.rows[row])
        if word != END:
            self.said.append(word)
        if word == END or len(self.said) == self._room:
            self.ends += 1
            return None
        return word

    def guess(self, tokens: Sequence[int], most: int) -> Sequence[int]:
        """Rightly, half rightly, or not at all."""
        if self._guesses == "not":
            return ()
        right = reference(tokens, most)
        return right if self._guesses == "rightly" else [word + (at % 2) for at, word in enumerate(right)]

    def read(self, states: NDArray[np.float32] | None) -> None:
        """A prompt alone was read."""
        self.ends += 1
        self.states = states
