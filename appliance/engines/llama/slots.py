"""What the KV cache holds: one slot for each sequence, its tokens, and who shares which cells.

A slot is *held* while a sequence runs in it and *idle* afterwards: its tokens stay, so that a prompt that begins
with them need not be read again, until the room is needed (least recently used goes first). Cells are counted here
exactly as the cache counts them: a prefix that several slots share takes its cells once.

The cache fills the first cell that is free, even one before those that a sequence has. Attention adds up in the order
of the cells, and in another order the last bits are others: in time, another word. Where that matters, gaps are closed
before anything is read (`line_up`), so every sequence's cells stand in the order of its tokens.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from appliance.engines.llama.prefix import numbers, shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray


class Cache(Protocol):
    """The KV cache as slots need it."""

    cells: int
    slots: int
    rewinds: bool

    def copy(self, source: int, target: int, size: int) -> None:
        """Share a prefix with an empty slot."""

    def cut(self, slot: int, size: int) -> bool:
        """Keep a prefix; False: not possible, the slot is empty."""

    def drop(self, slot: int) -> None:
        """Empty a slot."""

    def compact(self) -> None:
        """Move all cells that are held to the front, in their order."""


@dataclass(slots=True, eq=False)
class Slot:
    """One sequence of the cache."""

    number: int
    tokens: array[int] = field(default_factory=lambda: array("i"))
    cells: array[int] = field(default_factory=lambda: array("i"))
    held: bool = False
    used: int = 0
    """When it was last let go; larger is later."""
    kept: int = 0
    """So many of its tokens are in the store on disk."""


class Slots:
    """All slots of one cache. `farewell` is told of each idle slot before it has to give its room away."""

    def __init__(
        self, cache: Cache, farewell: Callable[[Slot], None] = lambda _: None, *, ordered: bool = False
    ) -> None:  # fmt: skip
        """`ordered`: the cells of each sequence stay in the order of its tokens."""
        self._cache, self._farewell, self.ordered = cache, farewell, ordered
        self._slots = [Slot(number) for number in range(cache.slots)]
        self._references = np.zeros(cache.cells, np.int32)
        self._unused = array("i", range(cache.cells - 1, -1, -1))
        self._clock = 0
        self.loose = False
        """Whether there may be gaps between the cells that are held."""
        self.evicted = 0

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots)

    @property
    def free(self) -> int:
        """Cells that nobody holds."""
        return len(self._unused)

    @property
    def capacity(self) -> int:
        """All cells."""
        return int(self._references.size)

    def beyond(self, slots: Iterable[Slot], source: Slot | None = None, size: int = 0) -> int:
        """Cells that none of these slots holds, nor the first `size` tokens of `source`."""
        held = np.zeros(self._references.size, np.bool_)
        for slot in slots:
            held[numbers(slot.cells)] = True
        if source is not None:
            held[numbers(source.cells)[:size]] = True
        return int(self._references.size - held.sum())

    def best(self, tokens: Sequence[int]) -> tuple[Slot | None, int]:
        """The slot that has most of a prompt's beginning, and how much; of equal ones an idle one that ends there.

        One token of the prompt is always left to be read, as the reply begins with its distribution.
        """
        wanted = numbers(tokens)[:-1]
        found, size, fits = None, 0, False
        for slot in self._slots:
            same = self._common(slot, wanted)
            whole = not slot.held and same == len(slot.tokens)
            if same > size or (same == size and same and whole and not fits):
                found, size, fits = slot, same, whole
        return found, size

    def _common(self, slot: Slot, wanted: NDArray[np.int32]) -> int:
        if not slot.tokens or not wanted.size or slot.tokens[0] != wanted[0]:
            return 0
        same = shared(numbers(slot.tokens), wanted)
        if not self._cache.rewinds and (same < len(slot.tokens) or slot.held):
            return 0
        return same

    def take(self, source: Slot | None = None, size: int = 0) -> Slot:
        """A held slot that begins with the first `size` tokens of `source`. One slot at least is not held.

        An idle slot that ends there is continued itself; otherwise its beginning is shared, so that the one whose
        tokens they are can come back to them.
        """
        if source is not None and not source.held and size == len(source.tokens):
            source.held = True
            return source
        target = next((slot for slot in self._slots if not slot.held and not slot.tokens), None)
        if target is None:
            target = self._oldest(source) or source
            if target is source:
                assert source is not None  # noqa: S101 - some slot is idle
                self._evict(source, size)
                source.held = True
                return source
            assert target is not None  # noqa: S101 - as above
            self._evict(target)
        if source is not None and size:
            self._cache.copy(source.number, target.number, size)
            target.tokens, target.cells = source.tokens[:size], source.cells[:size]
            target.kept = min(size, source.kept)
            self._references[numbers(target.cells)] += 1
        target.held = True
        return target

    def grow(self, slot: Slot, tokens: Iterable[int]) -> None:
        """The cache has read these tokens into the slot."""
        for token in tokens:
            cell = self._unused.pop()
            self._references[cell] = 1
            slot.cells.append(cell)
            slot.tokens.append(token)

    def cut(self, slot: Slot, size: int) -> None:
        """Forget what stands after the first `size` tokens."""
        if size < len(slot.tokens):
            self._release(slot, size if self._cache.cut(slot.number, size) else 0)

    def let_go(self, slot: Slot) -> None:
        """Nobody runs in the slot any more; its tokens stay."""
        slot.held = False
        self._clock += 1
        slot.used = self._clock

    def empty(self, slot: Slot) -> None:
        """Forget all that the slot holds."""
        self._cache.drop(slot.number)
        self._release(slot, 0)

    def make_room(self, cells: int, source: Slot | None = None, size: int = 0) -> bool:
        """Empty idle slots, least recently used first, until so many cells are free; `source` keeps `size` tokens."""
        while self.free < cells:
            oldest = self._oldest(source)
            if oldest is not None:
                self._evict(oldest)
            elif source is not None and not source.held and len(source.tokens) > size:
                self._evict(source, size)
            else:
                return False
        return True

    def settle(self, most: int) -> None:
        """Once idle slots hold more cells than `most`, let them go, least recently used first, until it is half of it.

        Half, so that the gaps are not closed again for each. The last one stays.
        """
        if self._idle > most:
            while self._idle > most // 2:
                oldest = self._oldest(None)
                if oldest is None or self._oldest(oldest) is None:
                    return
                self._evict(oldest)

    @property
    def _idle(self) -> int:
        return self.beyond(slot for slot in self._slots if slot.held) - self.free

    def line_up(self) -> None:
        """Where the order of cells matters, see to it. Whoever has the cache read something calls this before."""
        if self.ordered:
            self.close_gaps()

    def close_gaps(self) -> None:
        """Move what is held to the front of the cache, in its order."""
        if not self.loose:
            return
        self.loose = False
        held = self._references > 0
        count, places = int(held.sum()), np.cumsum(held, dtype=np.int32) - 1
        if not held[:count].all():
            self._cache.compact()
            for slot in self._slots:
                slot.cells = array("i", places[numbers(slot.cells)].tobytes())
            self._references[:count] = self._references[held]
            self._references[count:] = 0
        self._unused = array("i", range(self.capacity - 1, count - 1, -1))

    def _evict(self, slot: Slot, size: int = 0) -> None:
        self.evicted += 1
        self._farewell(slot)
        if size:
            self.cut(slot, size)
        else:
            self.empty(slot)

    def _oldest(self, but: Slot | None) -> Slot | None:
        idle = [slot for slot in self._slots if not slot.held and slot.tokens and slot is not but]
        return min(idle, key=lambda slot: slot.used, default=None)

    def _release(self, slot: Slot, size: int) -> None:
        gone = numbers(slot.cells)[size:].copy()
        self._references[gone] -= 1
        self._unused.extend(array("i", gone[self._references[gone] == 0].tolist()))
        del slot.tokens[size:], slot.cells[size:]
        slot.kept = min(slot.kept, size)
        self.loose |= bool(gone.size)
