"""Who runs and who waits.

A work is admitted when a place is free, and cells enough for its prompt are free or held by idle slots only. A higher
work takes the place of the lowest and youngest running one, which waits and is read again later: its client notices
a pause. So does a work of the same rank whose user has two places less, or more. Works of one rank come in turn, by
user and then by their order of arrival, and nobody overtakes one that waits for room. Background
work that has taken long counts as typed from then on, so that typing that never pauses does not starve it: one at a
time, so that much of it does not hold up those who type.
"""

from __future__ import annotations

import itertools
from bisect import insort
from collections import Counter
from typing import TYPE_CHECKING, Final

from appliance.engines.fairness import in_turn
from appliance.engines.llama.prefix import numbers, shared
from appliance.engines.llama.work import LIVE, TYPED, order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.engines.llama.slots import Slot, Slots
    from appliance.engines.llama.work import Counts, Work

HEADROOM: Final = 16
"""Cells that a newcomer has to find beyond its prompt, so that it is not sent back at once."""
LENIENCE: Final = 8
"""So many times more cells may be idle while replies are written: to close the gap that a large conversation leaves
would make them stand still for some ten steps."""
WORTH_WAITING: Final = 32
"""So many tokens, about to be read for another work, are worth waiting for: they are shared then."""


class Admission:
    """The running and the waiting works of one scheduler; `width` run at most."""

    def __init__(
        self, slots: Slots, counts: Counts, width: int, idle: int, *, shares: bool, patience: float
    ) -> None:  # fmt: skip
        """`idle`: cells that slots may hold for nobody; `shares`: whether a prompt can take a beginning that another
        running work holds; `patience`: seconds after which the oldest background work counts as typed."""
        self._slots, self._counts, self._width, self._idle, self._shares = slots, counts, width, idle, shares
        self._patience = patience
        self._numbers = itertools.count()
        self.running: list[Work] = []
        self.waiting: list[Work] = []
        self._aged: Work | None = None

    def queue(self, work: Work, now: float) -> None:
        """Take a work. Its prompt and the room for its reply fit the cache; who offers it has seen to that."""
        work.number, work.since, work.prompt = next(self._numbers), now, len(work.tokens)
        insort(self.waiting, work, key=order)

    def find(self, work_id: int) -> Work | None:
        """A work by its id."""
        return next((work for work in (*self.running, *self.waiting) if work.id == work_id), None)

    def promote(self, work: Work) -> None:
        """Somebody listens for it now."""
        if work is self._aged:
            self._aged = None
        work.rank = LIVE
        self.waiting.sort(key=order)

    def admit(self, now: float) -> None:
        """Let in who can run now."""
        self._age(now)
        patient: set[Work] = set()
        while (work := self._next(patient)) is not None:
            if len(self.running) >= self._width and not self._lower(work):
                return
            source, size = (None, 0) if work.embeds else self._slots.best(work.tokens)
            if self._is_being_read(work, size):
                patient.add(work)
                continue
            if not self._find_room(work, source, size):
                return
            if len(self.running) >= self._width:
                self.send_back(self._lower(work)[-1])
            self._place(work, source, size)

    def _next(self, patient: set[Work]) -> Work | None:
        """Whose turn it is. One user's works need no sorting: they lie in their order."""
        users = {work.user for work in (*self.running, *self.waiting)}
        turns = in_turn(self.waiting, self.running) if len(users) > 1 else self.waiting
        return next((each for each in turns if each not in patient), None)

    def _age(self, now: float) -> None:
        if self._aged is None:
            works = (work for work in (*self.running, *self.waiting) if work.rank > TYPED)
            oldest = min(works, key=order, default=None)
            if oldest is not None and now - oldest.since > self._patience:
                self._aged, oldest.rank = oldest, TYPED
                self.waiting.sort(key=order)

    def end(self, work: Work) -> None:
        """A work is done or not wanted any more; what was read for it stays as an idle slot."""
        if work is self._aged:
            self._aged = None
        if work in self.running:
            self.running.remove(work)
        else:
            self.waiting.remove(work)
        self._leave(work)
        speaks = any(each.speaks for each in self.running)
        self._slots.settle(self._idle * (LENIENCE if speaks else 1))

    def send_back(self, work: Work) -> None:
        """Make a running work wait for its turn to be read again."""
        self._counts.preempted += 1
        self.running.remove(work)
        self._leave(work)
        insort(self.waiting, work, key=order)

    def _leave(self, work: Work) -> None:
        if work.slot is not None:
            self._slots.let_go(work.slot)
            if work.embeds:
                self._slots.empty(work.slot)
        work.slot, work.states = None, []

    def _lower(self, work: Work) -> list[Work]:
        """Running works that have to give way to this one, the first to go last."""
        counts = Counter(each.user for each in self.running if each.rank == work.rank)
        most = {user: count - counts[work.user] - 1 for user, count in counts.items() if user != work.user}
        lower = []
        for each in sorted(self.running, key=order, reverse=True):
            if each.rank == work.rank:
                most[each.user] = most.get(each.user, 0) - 1
            if each.rank > work.rank or (each.rank == work.rank and most[each.user] >= 0):
                lower.append(each)
        return lower[::-1]

    def _find_room(self, work: Work, source: Slot | None, size: int) -> bool:
        lower = self._lower(work)
        firm = [each for each in self.running if each not in lower]
        most = self._spare(firm, source, size)
        cells = len(work.tokens) - size + min(work.room, HEADROOM)
        if not firm:
            cells = min(cells, most)  # alone it fits, with less room to grow
        if most < cells:
            return False
        for each in reversed(lower):
            if self._spare(self.running, source, size) >= cells:
                break
            self.send_back(each)
        return self._slots.make_room(cells, source, size)

    def _spare(self, works: Sequence[Work], source: Slot | None, size: int) -> int:
        """Cells that are left when these works' prompts are read, and the first `size` tokens of `source` are kept."""
        held = [work.slot for work in works if work.slot is not None]
        return self._slots.beyond(held, source, size) - sum(work.unread for work in works)

    def _is_being_read(self, work: Work, size: int) -> bool:
        """Whether another work, no lower, is about to read much more of this prompt than there is now."""
        if work.embeds or not self._shares:
            return False
        wanted = numbers(work.tokens)[:-1]
        return any(
            shared(numbers(other.tokens), wanted) - size >= WORTH_WAITING
            for other in self.running
            if other.unread > 1 and other.rank <= work.rank and not other.embeds
        )

    def _place(self, work: Work, source: Slot | None, size: int) -> None:
        self.waiting.remove(work)
        kept = min(size, len(source.tokens)) if source is not None else 0  # its own work may just have been sent back
        work.slot = self._slots.take(source, kept)
        self.running.append(work)
        if not work.began:
            work.began = True
            restored = min(work.restored, work.done)
            self._counts.read += len(work.tokens) - work.done
            self._counts.resident += work.done - restored
            self._counts.restored += restored
            work.pen.started(work.done)
