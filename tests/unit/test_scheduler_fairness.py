"""Nobody waits for ever: what keeps those who came first, and those who come last, from starving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import Bench, steps
from counting import LONG, CountingModel, talkers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.engines.llama.piece import Piece
    from appliance.engines.llama.work import Work


def test_typing_that_never_pauses_does_not_starve_background_work_but_speech_comes_first() -> None:
    one = Bench(CountingModel(400, 6, 64), width=1, patience=1.0)
    typed = one.submit([1] * 10, 4)
    waits = one.submit([2] * 10, 4, rank=2)
    served = 0
    while not one.pens[waits].over:
        if one.pens[typed].over:
            typed, served = one.submit([3] * 10, 4), served + 1
            assert one.model.now < 3
        one.step()
    assert one.model.now > 1
    assert served > 3
    assert waits.rank == 1
    late = one.submit([4] * 10, 4, rank=2)
    one.model.now += 5
    live = one.submit([5] * 10, 4, rank=0)
    one.step()
    assert [work.id for work in one.scheduler.running] == [live.id]
    one.finish()
    assert one.pens[late].over


def test_a_crowd_of_background_work_does_not_hold_up_who_types_however_long_it_waits() -> None:
    one = Bench(CountingModel(400, 6, 64), width=2, patience=0.1)
    crowd = [one.submit([2, number, *range(40)], embeds=True, rank=2) for number in range(60)]
    while sum(one.pens[work].over for work in crowd) < 20:
        one.step()
    assert one.model.now > 0.2
    typed = one.submit([3] * 10, 4)
    while not one.pens[typed].over:
        one.step()
    assert sum(one.pens[work].over for work in crowd) < 25
    assert sum(work.rank == 1 for work in crowd if not one.pens[work].over) <= 1
    one.finish()


def test_where_little_can_be_read_in_a_step_who_came_first_is_read_before_shorter_ones_that_keep_coming() -> None:
    model = CountingModel(400, 14, 64)
    model.each = 0.01
    one = Bench(model, width=12)
    one.submit([1] * 40)
    one.finish()
    assert one.pace.room(0, 64) < 8
    long = one.submit([7] * 60)
    short: list[Work] = []
    for _ in range(200):
        short = [work for work in short if not one.pens[work].over]
        short += [one.submit([8, len(one.pens), *[5] * 6]) for _ in range(10 - len(short))]
        one.step()
        if one.pens[long].over:
            return
    raise AssertionError("it was not read")


def test_texts_to_embed_are_read_together() -> None:
    one = Bench(CountingModel(400, 8, 64), width=6)
    together: list[int] = []
    watched = one.model.watch

    def watch(pieces: Sequence[Piece], embeds: bool) -> None:
        together.append(len(pieces))
        watched(pieces, embeds)

    one.model.watch = watch
    works = [one.submit([number] * 4, embeds=True) for number in range(1, 5)]
    one.step()
    assert together == [4]
    assert all(one.pens[work].over for work in works)
    one.finish()


def test_texts_of_any_lengths_are_embedded_beside_a_reply_whose_cells_stay_in_order() -> None:
    one = Bench(CountingModel(400, 8, 80), width=6, ordered=True)
    talk = one.submit(LONG, 30)
    steps(one, 10)
    for length in (4, 40, 7, 60):
        one.submit([length] * length, embeds=True)
    while not one.pens[talk].over:
        one.step()
    assert one.model.in_order()
    one.finish()


def test_what_texts_to_embed_cost_does_not_slow_down_the_reading_of_prompts() -> None:
    one = Bench(CountingModel(400, 8, 80), width=6)
    one.submit(LONG, 30)
    steps(one, 12)
    before = one.pace.room(1, 64)
    for number in range(1, 4):
        one.submit([number] * 20, embeds=True)
    steps(one, 6)
    assert one.pace.room(1, 64) == before
    one.finish()


def test_idle_conversations_stay_while_somebody_is_answered_unless_they_are_many() -> None:
    one = Bench(CountingModel(900, 8, 64), idle=30)
    talk = one.submit(talkers(1)[0], 60)
    for number in range(2, 5):
        one.submit([number] * 50)
    steps(one, 40)
    assert not one.pens[talk].over
    assert not one.gone
    one.submit([5] * 100)
    steps(one, 15)
    assert not one.pens[talk].over
    assert one.gone == [[2] * 50, [3] * 50, [4] * 50]
    one.finish()
