"""A language model that only counts, and pens that write with it.

The cache is kept as llama.cpp keeps its unified one. The token that comes next depends on every token that the cache
really holds for the sequence, so whatever gets mixed up in it changes the text, which `reply_to` knows beforehand.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from appliance.engines.llama.piece import Piece

WORDS: Final = 50
END: Final = 0
"""The token that ends a reply."""


def follow(tokens: Sequence[int]) -> int:
    """The token that comes next."""
    return crc32(array("i", tokens).tobytes()) % WORDS


def reply_to(prompt: Sequence[int], room: int) -> list[int]:
    """The reply of at most `room` tokens."""
    text: list[int] = []
    while len(text) < room and (token := follow([*prompt, *text])) != END:
        text.append(token)
    return text


def states_of(prompt: Sequence[int]) -> list[list[float]]:
    """What an embedding of the prompt has for each token."""
    return [[token, follow(prompt[: at + 1])] for at, token in enumerate(prompt)]


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the beginning that both have."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def talkers(count: int, room: int = 60) -> list[list[int]]:
    """Prompts of one token that are answered at full length."""
    return [[start] for start in range(1, 9999) if len(reply_to([start], room)) == room][:count]


ONE: Final = range(1, 100)
LONG: Final = next([start, *ONE] for start in range(1, 999) if len(reply_to([start, *ONE], 30)) == 30)
"""A prompt of 100 tokens with a reply of 30 or more."""


@dataclass(slots=True, eq=False)
class Cell:
    """One place of the cache, and the slots that hold it."""

    token: int
    position: int
    place: int
    holders: set[int]


class CountingModel:
    """A `Model`. `now` goes on by `step` seconds a decode and `each` a token; the next `refusals` decodes are refused.

    `hidden` cells are never free, whatever the count says.
    """

    def __init__(self, cells: int, slots: int, widest: int, *, rewinds: bool = True) -> None:
        self.cells, self.slots, self.widest, self.rewinds = cells, slots, widest, rewinds
        self.now, self.step, self.each = 0.0, 0.01, 0.001
        self.refusals = self.hidden = 0
        self.decoded = 0
        self.watch: Callable[[Sequence[Piece], bool], None] = lambda _pieces, _embeds: None
        self._chains: list[list[Cell]] = [[] for _ in range(slots)]
        self._rows: dict[int, Sequence[int]] = {}
        self._due: set[int] = set()

    @property
    def free(self) -> int:
        """Cells that no slot holds."""
        return self.cells - len({id(cell) for chain in self._chains for cell in chain})

    def tokens(self, slot: int) -> list[int]:
        """What a slot holds."""
        return [cell.token for cell in self._chains[slot]]

    def overlap(self, slots: Sequence[int]) -> int:
        """Cells that these slots hold together."""
        return len({id(cell) for slot in slots for cell in self._chains[slot]})

    def drawn(self, row: int) -> int:
        """The token that follows the row."""
        self._due.discard(row)
        return follow(self._rows[row])

    def settled(self) -> None:
        """Every row that was asked for has been drawn from."""
        assert not self._due

    def decode(self, pieces: Sequence[Piece]) -> list[int] | None:
        """As the protocol says."""
        self.watch(pieces, False)
        if not self._read(pieces, embeds=False):
            return None
        rows, at = [], 0
        for piece in pieces:
            end = at + len(piece.tokens)
            assert 0 <= piece.outputs <= len(piece.tokens)
            held = self.tokens(piece.slot)
            for back in range(piece.outputs):
                self._rows[end - 1 - back] = held[: len(held) - back]
            rows.append(end - piece.outputs)
            if piece.outputs:
                self._due.add(rows[-1])
            at = end
        return rows

    def embed(self, pieces: Sequence[Piece]) -> list[NDArray[np.float32]]:
        """As the protocol says."""
        self.watch(pieces, True)
        assert self._read(pieces, embeds=True)
        return [np.array(states_of(self.tokens(piece.slot))[piece.start :], np.float32) for piece in pieces]

    def _read(self, pieces: Sequence[Piece], *, embeds: bool) -> bool:
        self.settled()
        count = sum(len(piece.tokens) for piece in pieces)
        assert all(piece.tokens for piece in pieces)
        assert count <= self.widest
        assert len({piece.slot for piece in pieces}) == len(pieces)
        if (self.refusals and not embeds) or count > self.free - self.hidden:
            self.refusals = max(0, self.refusals - 1)
            return False
        self.now += self.step + self.each * count
        self.decoded += count
        self._rows = {}
        for piece in pieces:
            assert piece.start == len(self._chains[piece.slot])
            self.plant(piece.slot, piece.tokens)
        return True

    def plant(self, slot: int, tokens: Sequence[int]) -> None:
        """Put tokens behind what a slot holds."""
        chain = self._chains[slot]
        held = {cell.place for each in self._chains for cell in each}
        free = (place for place in range(self.cells) if place not in held)
        chain += [Cell(token, position, next(free), {slot}) for position, token in enumerate(tokens, len(chain))]

    def copy(self, source: int, target: int, size: int) -> None:
        """As the protocol says."""
        assert not self._chains[target]
        assert source != target
        assert 0 < size <= len(self._chains[source])
        assert self.rewinds or size == len(self._chains[source])
        self._chains[target] = self._chains[source][:size]
        for cell in self._chains[target]:
            cell.holders.add(target)

    def cut(self, slot: int, size: int) -> bool:
        """As the protocol says."""
        assert 0 <= size <= len(self._chains[slot])
        if not self.rewinds and size < len(self._chains[slot]):
            self.drop(slot)
            return False
        for cell in self._chains[slot][size:]:
            cell.holders.remove(slot)
        del self._chains[slot][size:]
        return True

    def drop(self, slot: int) -> None:
        """As the protocol says."""
        for cell in self._chains[slot]:
            cell.holders.remove(slot)
        self._chains[slot] = []

    def compact(self) -> None:
        """As the protocol says."""
        held = {id(cell): cell for chain in self._chains for cell in chain}
        for place, cell in enumerate(sorted(held.values(), key=lambda cell: cell.place)):
            cell.place = place

    def in_order(self) -> bool:
        """Whether each sequence's cells stand in the order of its tokens."""
        return all(one.place < other.place for chain in self._chains for one, other in pairwise(chain))

    @property
    def gaps(self) -> int:
        """Free cells before the last one that is held."""
        places = {cell.place for chain in self._chains for cell in chain}
        return max(places, default=-1) + 1 - len(places)

    def check(self) -> None:
        """What is true of a cache at any time."""
        for number, chain in enumerate(self._chains):
            assert all(cell.position == at and number in cell.holders for at, cell in enumerate(chain))


class Script:
    """A `Pen`. `rights`: it always guesses, so many tokens rightly and wrongly from there on; None: it never does."""

    def __init__(self, model: CountingModel, prompt: Sequence[int], room: int, rights: int | None = None) -> None:
        self.model, self.prompt, self.room, self.rights = model, list(prompt), room, rights
        self.expected = reply_to(prompt, room)
        self.text: list[int] = []
        self.cached: int | None = None
        self.states: NDArray[np.float32] | None = None
        self.over = self.aborted = False

    def started(self, cached: int) -> None:
        """Once, before anything else."""
        assert not self.over
        assert not self.aborted
        assert self.cached is None
        assert 0 <= cached < len(self.prompt)
        self.cached = cached

    def draw(self, row: int) -> int | None:
        """As a reply does it: the last token is said, and not passed on."""
        self._write()
        token = self.model.drawn(row)
        if token != END:
            self.text.append(token)
        assert self.text == self.expected[: len(self.text)]
        self.over = token == END or len(self.text) == self.room
        return None if self.over else token

    def guess(self, tokens: Sequence[int], most: int) -> Sequence[int]:
        """Rightly at first, and more than it was asked for."""
        assert list(tokens) == self.prompt + self.text
        assert 0 < most < self.room - len(self.text)
        if self.rights is None:
            return ()
        coming = [*self.expected[len(self.text) :], *range(1, most + 3)]
        return [*coming[: self.rights], *((token + 1) % WORDS for token in coming[self.rights :])]

    def read(self, states: NDArray[np.float32] | None) -> None:
        """A prompt alone has been read."""
        assert not self.room
        self._write()
        self.over, self.states = True, states

    def _write(self) -> None:
        assert self.cached is not None
        assert not self.over
        assert not self.aborted
