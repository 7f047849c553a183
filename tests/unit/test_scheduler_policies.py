"""What the scheduler promises, an example each. `test_scheduler_load.py` has what is true of any load."""

from __future__ import annotations

import pytest
from bench import Bench, steps
from counting import LONG, ONE, CountingModel, reply_to, talkers

OTHER = range(100, 200)
SHORT = talkers(1)[0]


def bench(cells: int = 400, slots: int = 5, *, width: int = 4, chunk: int = 16, stride: int = 1, **more: bool) -> Bench:
    return Bench(CountingModel(cells, slots, chunk + slots, **more), width=width, chunk=chunk, stride=stride)


def test_who_listens_goes_before_who_reads_before_nobody() -> None:
    one = bench(width=1)
    ranks = [2, 1, 0, 1]
    works = [one.submit(prompt, 3, rank) for prompt, rank in zip(talkers(4), ranks, strict=True)]
    one.finish()
    said = list(dict.fromkeys(number for step in one.spoken for number in step))
    assert said == [works[at].id for at in (2, 1, 3, 0)]


def test_a_live_one_takes_the_place_of_the_lowest_and_youngest_who_goes_on_later() -> None:
    one = bench(width=3)
    typed, old, young, live = (
        one.submit(prompt, 20, rank) for prompt, rank in zip(talkers(4), (1, 2, 2, 0), strict=False)
    )
    one.abort(live)
    steps(one, 5)
    late = one.submit(talkers(5)[4], 2, 0)
    one.step()
    assert {*one.scheduler.running} == {typed, old, late}
    assert list(one.scheduler.waiting) == [young]
    one.finish()
    assert one.scheduler.counts.preempted == 1
    assert one.pens[young].cached == 0  # said once, at its first admission


def test_who_needs_room_gets_it_from_the_lowest() -> None:
    one = bench(cells=200, width=4)
    typed, background = one.submit([*ONE][:60], 60), one.submit([*OTHER][:60], 60, 2)
    steps(one, 8)
    live = one.submit([7] * 80, 10, 0)
    one.step()
    assert list(one.scheduler.running) == [typed, live]
    assert list(one.scheduler.waiting) == [background]
    one.finish()


def test_lower_ones_slow_down_and_never_stop_while_a_higher_one_is_spoken_to() -> None:
    one = bench(stride=3)
    for prompt, rank in zip(talkers(3), (0, 1, 2), strict=True):
        one.submit(prompt, 60, rank)
    steps(one, 12)
    before = len(one.spoken)
    steps(one, 18)
    said = [number for step in one.spoken[before:] for number in step]
    assert [said.count(number) for number in (0, 1, 2)] == [18, 6, 2]


def test_nobody_overtakes_one_of_his_rank_that_waits_for_room() -> None:
    one = bench(cells=200)
    one.submit([*ONE], 90)
    one.step()
    big, small = one.submit([*OTHER], 10), one.submit([7, 7], 10)
    steps(one, 3)
    assert list(one.scheduler.waiting) == [big, small]
    one.finish()


def test_prompts_that_do_not_fit_together_are_read_one_after_the_other() -> None:
    one = bench(cells=200)
    for prompt in (ONE, OTHER, range(300, 400)):
        one.submit([*prompt], 1)
    one.finish()
    assert one.model.decoded == 99 + 100 + 100


def test_nobody_overtakes_one_that_just_had_to_give_way() -> None:
    one = bench(cells=200, width=3)
    big = one.submit([*ONE, 5], 60, 2)
    steps(one, 3)
    live, small = one.submit([*OTHER], 30, 0), one.submit([7, 7], 10, 2)
    one.step()
    assert list(one.scheduler.running) == [live]
    assert list(one.scheduler.waiting) == [big, small]
    one.finish()


def test_equals_read_equal_shares_and_what_one_does_not_need_goes_to_the_others() -> None:
    one = bench(chunk=30)
    works = [one.submit(prompt, 1) for prompt in ([*ONE], [*OTHER], [3, 2, 1])]
    one.step()
    shares = one.shares[-1]
    assert shares[works[2].id] == 3
    assert sorted((shares[works[0].id], shares[works[1].id])) == [13, 14]


def test_a_prompt_is_read_at_full_width_alone_and_in_pieces_while_a_reply_is_written() -> None:
    one = bench(chunk=50)
    one.submit([*OTHER], 1)
    steps(one, 3)
    assert sum(one.shares[0].values()) == 50
    one.submit(SHORT, 60)
    steps(one, 10)
    one.submit([*ONE], 1)
    one.step()
    assert one.spoken[-1]
    assert 0 < sum(one.shares[-1].values()) < 25  # it may take 2.5 times as long: 11 ms, and 1 ms for each token read


def test_a_conversation_that_goes_on_continues_in_its_slot() -> None:
    one = bench()
    first = one.submit(LONG, 10)
    one.step()
    slot = first.slot
    one.finish()
    decoded = one.model.decoded
    more = one.submit([*LONG, *one.pens[first].text, 1, 2, 3], 1)
    one.step()
    assert more.slot is None or more.slot is slot
    assert one.pens[more].cached == len(LONG) + 9  # the last token that was drawn was never read
    one.finish()
    assert one.model.decoded == decoded + 4


def test_prompts_that_begin_alike_share_their_cells() -> None:
    one = bench()
    one.submit([*ONE, 1], 0)
    one.finish()
    works = [one.submit([*ONE, last], 40) for last in (2, 3)]
    one.step()
    assert [one.pens[work].cached for work in works] == [99, 99]
    assert one.model.cells - one.model.free == 100 + 2
    one.finish()


def test_a_prompt_that_is_being_read_for_another_is_waited_for_and_read_once() -> None:
    one = bench()
    for last in (1, 2, 3):
        one.submit([*ONE, last], 1)
    one.finish()
    assert one.scheduler.counts.cached == 2 * 80  # the last few tokens are not worth waiting for
    assert one.model.decoded == 100 + 2 * 20


def test_the_least_recently_used_conversation_makes_room_first() -> None:
    one = bench(cells=130, slots=6)
    prompts = [[start] * 30 for start in (1, 2, 3, 4)]
    for prompt in prompts:
        one.submit(prompt)
        one.finish()
    one.submit([*prompts[0], 9])
    one.finish()
    one.submit([8] * 60)
    one.finish()
    assert one.gone == prompts[1:3]


def test_the_conversation_that_goes_on_is_the_last_to_make_room() -> None:
    one = bench(cells=130)
    for start in (1, 2):
        one.submit([start] * 60)
        one.finish()
    more = one.submit([1] * 60 + [9] * 20)
    one.finish()
    assert one.gone == [[2] * 60]
    assert one.pens[more].cached == 60


def test_idle_conversations_that_hold_too_much_go_until_half_is_left_but_the_latest_stays() -> None:
    one = Bench(CountingModel(400, 6, 64), idle=60)
    for prompt in ([1] * 30, [2] * 20, [3] * 10, [4] * 10):
        one.submit(prompt)
        one.finish()
    assert one.gone == [[1] * 30, [2] * 20]
    one.submit([5] * 80)
    one.finish()
    assert [list(slot.tokens) for slot in one.slots if slot.tokens] == [[5] * 80]


def test_a_recurrent_model_goes_on_only_where_a_whole_state_fits() -> None:
    one = bench(rewinds=False)
    one.submit([*ONE])
    one.finish()
    branch = one.submit([*ONE][:50] + [7] * 20, 1)
    one.finish()
    whole = one.submit([*ONE, 7, 7], 1)
    one.finish()
    assert one.pens[branch].cached == 0
    assert one.pens[whole].cached == 99


def test_a_recurrent_model_shares_nothing_with_one_that_runs_and_never_guesses() -> None:
    one = bench(rewinds=False)
    works = [one.submit([*LONG, last], 30, rights=9) for last in (1, 1)]
    one.finish()
    assert [one.pens[work].cached for work in works] == [0, 0]
    assert one.scheduler.counts.guessed == 0


def test_when_the_cells_run_out_the_lowest_and_youngest_waits_and_loses_nothing() -> None:
    one = bench(cells=100)
    first, second = (one.submit(prompt, 60) for prompt in talkers(2))
    steps(one, 55)
    assert list(one.scheduler.running) == [first]
    assert list(one.scheduler.waiting) == [second]
    one.finish()
    assert one.pens[second].text == reply_to(one.pens[second].prompt, 60)


def test_right_guesses_save_steps_and_wrong_ones_change_nothing() -> None:
    took = []
    for rights in (None, 0, 2, 9):
        one = bench()
        work = one.submit(SHORT, 40, rights=rights)
        one.finish()
        took.append(one.scheduler.counts.steps)
        assert one.pens[work].text == reply_to(SHORT, 40)
        assert (one.scheduler.counts.accepted > 0) == bool(rights)
    assert took[0] == took[1] > took[2] > took[3]


@pytest.mark.parametrize("embeds", [False, True])
def test_guesses_leave_room_for_the_prompts_that_are_read_beside_them(embeds: bool) -> None:
    for cells in range(75, 110):  # they run out sooner or later
        one = Bench(CountingModel(cells, 3, 17), width=2, chunk=16)  # no place for 16 and the guesses in one batch
        one.pace = one.scheduler._pace = type(one.pace)(slack=99, longest=99)
        one.submit(SHORT, 60, rights=3)
        one.submit([*OTHER][:60], embeds=embeds)
        one.finish()
        assert one.scheduler.counts.accepted > 0


def test_idle_conversations_go_when_the_cache_finds_less_room_than_was_counted() -> None:
    one = bench(cells=150)
    one.submit([*ONE])
    one.finish()
    one.model.hidden = 40
    one.submit(SHORT, 60)
    one.finish()
    assert one.gone == [[*ONE]]


def test_a_prefix_that_leaves_with_an_embedding_is_read_again() -> None:
    one = bench(cells=200, width=1)
    one.submit([*ONE], 0, 2, embeds=True)
    steps(one, 4)
    live = one.submit([*ONE, 1], 5, 0)
    one.finish()
    assert one.pens[live].cached == 0


def test_an_aborted_work_takes_no_part_in_the_next_step_and_leaves_what_was_read() -> None:
    one = bench()
    work = one.submit([*ONE], 20)
    steps(one, 2)
    one.abort(work)
    assert not one.scheduler.busy
    one.step()
    assert one.spoken[-1] == []
    after = one.submit([*ONE], 1)
    one.step()
    assert one.pens[after].cached == 32
    assert not one.scheduler.abort(99)


def test_an_embedding_leaves_nothing_in_the_cache() -> None:
    one = bench()
    one.submit([*ONE], embeds=True)
    one.finish()
    assert one.model.free == one.model.cells
