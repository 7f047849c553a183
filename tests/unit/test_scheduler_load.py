"""The scheduler under any load: whatever is asked for when, replies are what they would be alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bench import Bench
from counting import WORDS, CountingModel
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

if TYPE_CHECKING:
    from appliance.engines.llama.work import Work

pytestmark = pytest.mark.long

STEMS = [[(at * step + step) % (WORDS - 1) + 1 for at in range(120)] for step in (1, 7, 12)]
"""Prompts begin with some of one of these, so that many begin alike."""
stems = st.sampled_from(STEMS)
tails = st.lists(st.integers(1, 4), min_size=1, max_size=6)


class Load(RuleBasedStateMachine):
    """A small cache, and clients who come and go."""

    bench: Bench

    @initialize(
        cells=st.integers(48, 260), slots=st.integers(2, 7), width=st.integers(1, 6), chunk=st.integers(1, 64),
        stride=st.sampled_from([1, 1, 3]), rewinds=st.sampled_from([True, True, False]),
        step=st.floats(0, 0.05), each=st.floats(0, 0.01), idle=st.sampled_from([None, None, 0, 30]),
        ordered=st.booleans(), patience=st.sampled_from([20.0, 20.0, 0.1]),
    )  # fmt: skip
    def begin(
        self, cells: int, slots: int, width: int, chunk: int, stride: int, rewinds: bool, step: float, each: float,
        idle: int | None, ordered: bool, patience: float,
    ) -> None:  # fmt: skip
        """A box of some size."""
        width = min(width, slots)
        model = CountingModel(cells, slots, max(chunk, slots + 1), rewinds=rewinds)
        model.step, model.each = step, each
        self.bench = Bench(
            model, width=width, stride=stride, chunk=chunk, idle=idle, ordered=ordered, patience=patience
        )

    @rule(
        stem=stems, begin=st.integers(0, 120), tail=tails, room=st.integers(1, 40), rank=st.integers(0, 2),
        rights=st.sampled_from([None, None, 0, 1, 3, 99]), times=st.sampled_from([1, 1, 2, 3]),
    )  # fmt: skip
    def ask(
        self, stem: list[int], begin: int, tail: list[int], room: int, rank: int, rights: int | None, times: int
    ) -> None:
        """Ask for a reply, or for several at once."""
        begin = max(0, min(begin, self.bench.model.cells - room - len(tail)))
        for last in range(times):
            self.bench.submit([*stem[:begin], *tail[:-1], tail[-1] + last], room, rank, rights=rights)

    @rule(stem=stems, begin=st.integers(0, 120), tail=tails, rank=st.integers(0, 2), embeds=st.booleans())
    def read(self, stem: list[int], begin: int, tail: list[int], rank: int, embeds: bool) -> None:
        """Have a prompt read ahead of time, or embedded."""
        begin = max(0, min(begin, self.bench.model.cells - 1 - len(tail)))
        self.bench.submit([*stem[:begin], *tail], 0, rank, embeds=embeds)

    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        """A client goes away."""
        if open_works := self._open():
            self.bench.abort(data.draw(st.sampled_from(open_works)))

    @rule(times=st.integers(1, 12))
    def steps(self, times: int) -> None:
        """Time passes."""
        for _ in range(times):
            self.bench.step()

    @precondition(lambda self: hasattr(self, "bench"))
    @rule(stem=stems, size=st.integers(1, 60))
    def adopt(self, stem: list[int], size: int) -> None:
        """A conversation comes from the disk."""
        self.bench.adopt(stem[: min(size, self.bench.model.cells)])

    @rule(times=st.integers(1, 3))
    def refuse(self, times: int) -> None:
        """The cache finds no room where there should be some."""
        self.bench.model.refusals = times

    def teardown(self) -> None:
        """Everyone is served; then the cache can be emptied."""
        if not hasattr(self, "bench"):
            return
        bench = self.bench
        bench.finish()
        assert bench.slots.make_room(bench.slots.capacity)
        bench.check()
        assert bench.model.free == bench.model.cells

    def _open(self) -> list[Work]:
        return [*self.bench.scheduler.running, *self.bench.scheduler.waiting]


Load.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLoad: Any = Load.TestCase
