"""The scheduler with a model that only counts: whatever happens, each reply is what it would be alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling import Scribe, Tape, reference

from appliance.engines.llama.pace import Pace
from appliance.engines.llama.scheduler import Scheduler
from appliance.engines.llama.work import Work

SYSTEM = list(range(100, 140))

prompts = st.builds(
    lambda shared, own: SYSTEM[:shared] + own,
    st.sampled_from([0, 3, 20, 40]),
    st.lists(st.integers(1, 3), min_size=1, max_size=20),
)
submits = st.tuples(
    st.just("submit"),
    prompts,
    st.integers(0, 2),
    st.integers(0, 12),
    st.sampled_from(["not", "rightly", "wrongly"]),
    st.booleans(),
)
ops = st.lists(
    st.one_of(submits, st.tuples(st.just("step"), st.integers(1, 6)), st.tuples(st.just("abort"), st.integers(0, 30))),
    max_size=40,
)


class Desk:
    """A scheduler, and what was asked of it."""

    def __init__(self, tape: Tape, *, width: int = 4, stride: int = 2, idle: int | None = None) -> None:
        self.tape = tape
        ticks = itertools.count()
        self.scheduler = Scheduler(
            tape, Pace(2.2, 0.1), width=width, stride=stride, chunk=16, idle=idle,
            clock=lambda: next(ticks) * 0.004,
        )  # fmt: skip
        self.asked: dict[int, tuple[list[int], int, bool, Scribe]] = {}
        self.aborted: set[int] = set()

    def submit(
        self, prompt: list[int], rank: int = 1, room: int = 5, guesses: str = "not", embeds: bool = False
    ) -> Work:
        embeds = embeds and not room
        pen = Scribe(self.tape, room, guesses)
        work = Work(len(self.asked), rank, list(prompt), room, pen, embeds=embeds)
        self.asked[work.id] = (prompt, room, embeds, pen)
        self.scheduler.submit(work)
        return work

    def step(self) -> None:
        self.scheduler.step()
        slots = self.scheduler.slots
        assert len(self.scheduler.running) <= 4
        assert slots.free == self.tape.free
        for slot in slots:
            assert self.tape.held(slot.number) == list(slot.tokens)
        assert {work.id for work in self.scheduler.running}.isdisjoint(self.aborted)

    def drain(self) -> None:
        """To the end; a finite load ends in a bounded number of steps, so nobody starves."""
        for _ in range(3000):
            if not self.scheduler.busy:
                return
            self.step()
        raise AssertionError("somebody starves")

    def check(self) -> None:
        for number, (prompt, room, embeds, pen) in self.asked.items():
            if number in self.aborted:
                assert pen.ends <= 1
            else:
                assert pen.ends == 1
                assert pen.said == reference(prompt, room)
            if embeds and pen.ends:
                assert pen.states is not None
                assert pen.states[:, 0].tolist() == list(range(1, len(prompt) + 1))
            assert pen.cached < len(prompt)
        for slot in self.scheduler.slots:
            assert not slot.held
            self.scheduler.slots.empty(slot)
        assert self.scheduler.slots.free == self.tape.free == self.tape.cells


@settings(max_examples=60, deadline=None)
@given(ops=ops, cells=st.sampled_from([80, 100, 300]), rewinds=st.booleans(), narrow=st.booleans(),
       idle=st.sampled_from([None, 0, 50]))  # fmt: skip
def test_every_reply_is_what_it_would_be_alone(
    ops: list[Any], cells: int, rewinds: bool, narrow: bool, idle: int | None
) -> None:
    desk = Desk(Tape(cells, 6, rewinds=rewinds, narrow=narrow), idle=idle)
    for name, *arguments in ops:
        if name == "submit":
            desk.submit(*arguments)
        elif name == "step":
            for _ in range(arguments[0]):
                desk.step()
        elif desk.asked:
            number = arguments[0] % len(desk.asked)
            if desk.scheduler.abort(number):
                desk.aborted.add(number)
    desk.drain()
    desk.check()


def test_live_goes_before_typed_before_background() -> None:
    desk = Desk(Tape(300, 8), width=1)
    for rank in (2, 1, 0):
        desk.submit([rank + 1], rank=rank, room=3)
    desk.step()
    assert [work.rank for work in desk.scheduler.running] == [0]
    assert [work.rank for work in desk.scheduler.waiting] == [1, 2]
    desk.drain()
    desk.check()


def test_a_live_turn_takes_the_place_of_the_lowest_and_youngest() -> None:
    desk = Desk(Tape(300, 8), width=2)
    first, second = desk.submit([5], rank=2, room=12), desk.submit([7], rank=2, room=12)
    desk.step()
    live = desk.submit([9], rank=0, room=12)
    desk.step()
    assert set(desk.scheduler.running) == {first, live}
    assert list(desk.scheduler.waiting) == [second]
    assert desk.scheduler.counts.preempted == 1
    desk.drain()
    desk.check()


def test_one_rank_runs_in_its_order_of_arrival() -> None:
    desk = Desk(Tape(300, 8), width=1)
    works = [desk.submit([number], room=2) for number in range(1, 6)]
    seen = []
    while desk.scheduler.busy:
        desk.step()
        seen += [work.id for work in desk.scheduler.running if work.id not in seen]
    assert seen == sorted(seen)
    assert seen
    assert len(works) == 5


def test_a_prompt_that_is_being_read_is_waited_for_and_shared() -> None:
    desk = Desk(Tape(300, 8))
    for own in (1, 2, 3):
        desk.submit([*range(100, 200), own], room=4)
    desk.drain()
    first, *others = [pen.cached for *_, pen in desk.asked.values()]
    assert first == 0
    assert all(cached > 100 - 32 for cached in others)
    desk.check()


def test_the_least_recently_used_conversation_gives_way() -> None:
    desk = Desk(Tape(64, 8), width=1)
    for start in (10, 30, 50):
        desk.submit([start + at for at in range(15)], room=1)
        desk.drain()
    desk.submit([10 + at for at in range(16)], room=1)  # uses the first again
    desk.drain()
    assert desk.asked[3][3].cached == 15
    desk.submit([70 + at for at in range(20)], room=1)
    desk.drain()
    begins = {slot.tokens[0] for slot in desk.scheduler.slots if slot.tokens}
    assert 10 in begins
    assert 30 not in begins


def test_a_model_that_cannot_go_back_only_goes_on() -> None:
    desk = Desk(Tape(300, 8, rewinds=False))
    desk.submit([1, 2, 3, 4, 5], room=0)
    desk.drain()
    desk.submit([1, 2, 3, 4, 5, 6], room=2)
    desk.drain()
    desk.submit([1, 2, 3, 9], room=2)
    desk.drain()
    assert [pen.cached for *_, pen in desk.asked.values()] == [0, 5, 0]
    desk.check()


def test_idle_conversations_keep_within_their_bound() -> None:
    desk = Desk(Tape(300, 8), idle=30)
    for start in range(1, 7):
        desk.submit([start] * 20, room=1)
        desk.drain()
        assert desk.tape.cells - desk.tape.free <= 30
    assert any(slot.tokens for slot in desk.scheduler.slots)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 12), st.floats(0.001, 0.2)), max_size=60), st.integers(0, 4)
)
def test_the_pace_leaves_room_for_one_token_and_never_for_more_than_asked(
    steps: list[tuple[int, int, float]], replies: int
) -> None:
    pace = Pace(2.2, 0.1)
    for written, read, seconds in steps:
        pace.note(written, read, seconds)
    assert 1 <= pace.room(replies, 32) <= 32


def test_a_long_prompt_never_doubles_a_step_by_more_than_the_slack() -> None:
    pace = Pace(2.2, 0.1)
    for _ in range(50):
        pace.note(1, 0, 0.007)
    for depth in range(2000):
        each = 0.0035 + 0.000001 * depth  # the further in, the dearer a token
        room = pace.room(1, 64)
        seconds = 0.007 + room * each
        assert depth < 5 or seconds <= 2.4 * 0.007
        pace.note(1, room, seconds)
    assert pace.room(0, 64) == min(64, int(0.1 / each))


def test_states_are_the_whole_prompts() -> None:
    desk = Desk(Tape(300, 8))
    desk.submit(SYSTEM, room=0, embeds=True)
    desk.submit([1, 2], room=3)
    desk.drain()
    states = desk.asked[0][3].states
    assert states is not None
    assert np.array_equal(states[:, 0], np.arange(1, 41))
    desk.check()
