"""A bench that watches a scheduler at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counting import Script, common, states_of

from appliance.engines.llama.admission import HEADROOM, WORTH_WAITING
from appliance.engines.llama.pace import Pace
from appliance.engines.llama.scheduler import Scheduler
from appliance.engines.llama.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from counting import CountingModel

    from appliance.engines.llama.piece import Piece
    from appliance.engines.llama.slots import Slot


class WatchedPace(Pace):
    """Notes what it allowed in a step."""

    replies, allowed = 0, 0

    def room(self, replies: int, most: int) -> int:
        """As its parent says."""
        self.replies, self.allowed = replies, super().room(replies, most)
        return self.allowed


class Bench:
    """A scheduler over a counting model; everything that has to be true is looked at in every step."""

    def __init__(
        self, model: CountingModel, *, width: int = 4, stride: int = 1, chunk: int = 16, idle: int | None = None,
        ordered: bool = False, patience: float = 20.0,
    ) -> None:  # fmt: skip
        self.model, self.width, self.stride = model, width, stride
        self.pace = WatchedPace(slack=2.5, longest=0.05)
        self.gone: list[list[int]] = []
        """What idle slots held when their room was taken, in order."""
        self.scheduler = Scheduler(
            model,
            self.pace,
            width=width,
            stride=stride,
            chunk=chunk,
            idle=idle,
            ordered=ordered,
            patience=patience,
            farewell=self._farewell,
            clock=lambda: model.now,
        )
        self.slots = self.scheduler.slots
        self.pens: dict[Work, Script] = {}
        self.spoken: list[list[int]] = []
        """Ids of the works that said something, by step."""
        self.shares: list[dict[int, int]] = []
        """Tokens of prompts that were read, by step and work's id."""
        self._before: set[Work] = set()
        self._first = False
        model.watch = self._watch

    def submit(
        self, prompt: Sequence[int], room: int = 0, rank: int = 1, *, rights: int | None = None, embeds: bool = False,
        user: str = "",
    ) -> Work:  # fmt: skip
        """Queue a work."""
        pen = Script(self.model, prompt, room, rights)
        work = Work(len(self.pens), rank, list(prompt), room, pen, user=user, embeds=embeds)
        self.pens[work] = pen
        self.scheduler.submit(work)
        return work

    def abort(self, work: Work) -> None:
        """Forget a work that is not over."""
        assert self.scheduler.abort(work.id)
        assert not self.scheduler.abort(work.id)
        self.pens[work].aborted = True
        self.check()

    def adopt(self, tokens: Sequence[int]) -> None:
        """Put a state from elsewhere into an idle slot."""
        if len(self.scheduler.running) < self.model.slots and self.slots.make_room(len(tokens)):
            slot = self.slots.take()
            self.slots.line_up()
            self.model.plant(slot.number, tokens)
            self.slots.grow(slot, tokens)
            self.slots.let_go(slot)

    def step(self) -> None:
        """One step, looked at."""
        self._before, self._first = set(self.scheduler.running), True
        self.spoken.append([])
        self.shares.append({})
        self.pace.replies = self.pace.allowed = 0
        self.scheduler.step()
        self.model.settled()
        self.check()

    def finish(self) -> None:
        """Steps until nothing is left to do, which is soon; then every work has what it should."""
        tokens = sum(len(pen.prompt) + pen.room for pen in self.pens.values())
        for _ in range(200 + 4 * tokens):
            if not self.scheduler.busy:
                break
            self.step()
        assert not self.scheduler.busy
        for work, pen in self.pens.items():
            assert pen.over or pen.aborted
            if pen.over:
                assert pen.text == pen.expected
                assert (pen.states.tolist() if pen.states is not None else None) == (
                    states_of(pen.prompt) if work.embeds else None
                )

    def check(self) -> None:
        """What is true between two steps."""
        self.model.check()
        assert self.model.in_order() or not self.slots.ordered
        running, waiting = self.scheduler.running, self.scheduler.waiting
        assert self.slots.free == self.model.free
        assert len(running) <= min(self.width, self.model.slots)
        assert all(work.slot is None for work in waiting)
        assert all(list(slot.tokens) == self.model.tokens(slot.number) for slot in self.slots)
        assert all(slot.kept <= len(slot.tokens) for slot in self.slots)
        held = {slot.number for slot in self.slots if slot.held}
        assert held == {work.slot.number for work in running if work.slot is not None}
        assert len(held) == len(running)
        assert {*running, *waiting} == {work for work, pen in self.pens.items() if not pen.over and not pen.aborted}
        assert list(waiting) == sorted(waiting, key=lambda work: work.order)

    def _farewell(self, slot: Slot) -> None:
        assert not slot.held
        assert slot.tokens
        slot.kept = len(slot.tokens)
        self.gone.append(list(slot.tokens))

    def _watch(self, pieces: Sequence[Piece], embeds: bool) -> None:
        assert not self.slots.ordered or not self.model.gaps
        running = {work.slot.number: work for work in self.scheduler.running if work.slot is not None}
        for piece in pieces:
            work, count = running[piece.slot], len(piece.tokens)
            assert work.embeds == embeds
            assert list(piece.tokens[: work.unread]) == work.tokens[piece.start : piece.start + count]
            if work.speaks:
                assert piece.outputs == count
                self.spoken[-1].append(work.id)
            else:
                assert count <= work.unread
                assert piece.outputs == (count if embeds else int(work.room > 0 and count == work.unread))
                self.shares[-1][work.id] = count
        if self._first:
            self._first = False
            self._priorities()
        if not embeds:
            top = min(work.rank for work in running.values())
            if len({work.user for work in running.values()}) == 1:
                assert {work.id for work in running.values() if work.speaks and work.rank == top} <= {*self.spoken[-1]}
            assert len(self.spoken[-1]) <= self.pace.replies or not self.shares[-1]
        assert sum(self.shares[-1].values()) <= self.pace.allowed

    def _priorities(self) -> None:
        running = self.scheduler.running
        if len({work.user for work in (*running, *self.scheduler.waiting)}) > 1:
            return  # by turns, which test_scheduler_users.py looks at
        head = next((work for work in self.scheduler.waiting if not self._waits_for_prefix(work)), None)
        if head is None:
            return
        assert not [work for work in running if work not in self._before and work.order > head.order]
        if any(work.rank > head.rank for work in running):
            firm = [work.slot.number for work in running if work.rank <= head.rank and work.slot is not None]
            assert firm
            due = sum(work.unread for work in running if work.rank <= head.rank)
            free = self.model.cells - self.model.overlap(firm) - due
            assert free < len(head.tokens) + min(head.room, HEADROOM)

    def _waits_for_prefix(self, work: Work) -> bool:
        wanted = work.tokens[:-1]
        there = max(common(self.model.tokens(slot), wanted) for slot in range(self.model.slots))
        return (
            self.model.rewinds
            and not work.embeds
            and any(
                common(other.tokens, wanted) - there >= WORTH_WAITING
                for other in self.scheduler.running
                if other.unread > 1 and other.rank <= work.rank and not other.embeds
            )
        )


def steps(one: Bench, count: int) -> None:
    """So many steps."""
    for _ in range(count):
        one.step()
