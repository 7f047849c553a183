"""Idle conversations moved to the front of the cache: the latest stay, whole, as far as there is room for them."""

from __future__ import annotations

from bench import Bench
from counting import CountingModel
from hypothesis import given, settings
from hypothesis import strategies as st

PROMPTS = st.lists(st.tuples(st.integers(0, 60), st.lists(st.integers(1, 3), min_size=1, max_size=20)), max_size=8)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(prompts=PROMPTS, cells=st.integers(100, 300), most=st.integers(0, 200), hidden=st.sampled_from([0, 0, 60]))
def test_what_stays_is_whole_and_the_latest(
    prompts: list[tuple[int, list[int]]], cells: int, most: int, hidden: int
) -> None:
    bench = Bench(CountingModel(cells, 6, 32), width=2)
    for shared, own in prompts:
        bench.submit([*range(100, 100 + shared), *own], 5)
        bench.finish()
    before = sorted((slot for slot in bench.slots if slot.tokens), key=lambda slot: -slot.used)
    held = [list(slot.tokens) for slot in before]
    bench.model.hidden = hidden
    bench.slots.repack(most, bench.model.state, bench.model.restore)
    bench.check()
    after = [list(slot.tokens) for slot in before]
    assert all(now in ([], then) for now, then in zip(after, held, strict=True))
    if not hidden and held:
        assert after[0] == held[0]
        assert sum(map(len, after[1:])) <= max(0, most - len(held[0]))
        if sum(map(len, held)) <= min(most, cells):
            assert after == held
    bench.model.hidden = 0
    for shared, own in prompts:
        bench.submit([*range(100, 100 + shared), *own, 9], 5)
    bench.finish()
