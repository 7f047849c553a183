"""The gaps that conversations leave in the cache, closed: what is held stays as it is, and in its order."""

from __future__ import annotations

from bench import Bench
from counting import CountingModel, reply_to
from hypothesis import given, settings
from hypothesis import strategies as st

PROMPTS = st.lists(st.tuples(st.integers(0, 60), st.lists(st.integers(1, 3), min_size=1, max_size=20)), max_size=8)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(prompts=PROMPTS, cells=st.integers(100, 300), gone=st.lists(st.integers(0, 5), max_size=5))
def test_what_is_held_stays_and_is_shared_as_before(
    prompts: list[tuple[int, list[int]]], cells: int, gone: list[int]
) -> None:
    bench = Bench(CountingModel(cells, 6, 32), width=2)
    for shared, own in prompts:
        bench.submit([*range(100, 100 + shared), *own], 5)
        bench.finish()
    for number in gone:
        bench.slots.empty(list(bench.slots)[number])
    held = [list(slot.tokens) for slot in bench.slots]
    free = bench.slots.free
    bench.slots.close_gaps()
    bench.check()
    assert bench.model.gaps == 0
    assert bench.slots.free == free
    assert [list(slot.tokens) for slot in bench.slots] == held
    for shared, own in prompts:
        bench.submit([*range(100, 100 + shared), *own, 9], 5)
    bench.finish()


def test_a_sequence_keeps_its_order_while_others_come_and_go() -> None:
    bench = Bench(CountingModel(200, 6, 64), width=4, idle=0, ordered=True)
    long = next(word for word in range(1, 50) if len(reply_to([word] * 20, 60)) == 60)
    talk = bench.submit([long] * 20, 60)
    for word in range(100, 106):
        turn = bench.submit([word] * 4)
        while not bench.pens[turn].over:
            bench.step()
    assert not bench.pens[talk].over
    assert bench.slots.evicted >= 4
    bench.finish()


def test_without_an_order_to_keep_gaps_stay_until_somebody_closes_them() -> None:
    bench = Bench(CountingModel(200, 6, 64), idle=None)
    for word in (1, 2):
        bench.submit([word] * 30)
        bench.finish()
    bench.slots.empty(next(iter(bench.slots)))
    bench.submit([3] * 10)
    bench.finish()
    assert bench.model.gaps == 20
    bench.slots.close_gaps()
    assert bench.model.gaps == 0
