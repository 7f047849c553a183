"""How much of a prompt is read in a step."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.engines.llama.pace import FRESH, Pace

MOST = 256


def learnt(pace: Pace, *, write: float, each: float, replies: int = 2, times: int = 40) -> Pace:
    """Has seen a machine that takes `write` seconds for a reply's token and `each` for one that is read."""
    for count in range(1, times):
        pace.note(replies, 0, write * replies)
        pace.note(replies, count, write * replies + each * count)
    return pace


def test_before_anything_was_measured_a_listener_is_not_made_to_wait() -> None:
    pace = Pace(2, 0.1)
    assert pace.room(0, MOST) == MOST
    assert pace.room(1, MOST) <= 16
    assert pace.room(1, 4) == 4


def test_beside_replies_a_step_gets_no_longer_than_the_slack() -> None:
    pace = learnt(Pace(3, 0.1), write=0.01, each=0.0049)
    assert pace.room(2, MOST) == 8
    assert pace.writing(2) == pytest.approx(0.02)


def test_where_a_token_costs_next_to_nothing_as_much_is_read_as_there_is() -> None:
    assert learnt(Pace(2, 0.1), write=0.01, each=1e-9).room(1, MOST) == MOST


def test_when_nobody_listens_a_step_may_take_its_longest() -> None:
    assert learnt(Pace(1.5, 0.1), write=0.01, each=0.002).room(0, MOST) in {49, 50}


def test_one_token_is_always_read() -> None:
    pace = learnt(Pace(1.01, 0.001), write=0.001, each=1.0)
    assert pace.room(2, MOST) == 1
    assert pace.room(0, MOST) == 1


def test_more_replies_than_were_ever_measured_are_expected_to_take_longer_and_fewer_not() -> None:
    pace = learnt(Pace(2, 0.1), write=0.01, each=0.005, replies=4)
    assert pace.writing(8) == pytest.approx(0.08)
    assert pace.writing(1) == pytest.approx(0.04)
    assert pace.writing(0) == 0


def test_a_hiccup_of_the_machine_changes_little() -> None:
    reads, writes = (learnt(Pace(2, 0.1), write=0.01, each=0.001) for _ in range(2))
    before = reads.room(2, MOST)
    reads.note(2, 10, 60.0)
    writes.note(2, 0, 60.0)
    assert before / 2 <= reads.room(2, MOST) < before
    assert before < writes.room(2, MOST) <= before * 2


def test_a_machine_that_gets_slower_is_believed_soon() -> None:
    pace = learnt(Pace(2, 0.1), write=0.01, each=0.001)
    assert pace.room(2, MOST) == pytest.approx(20, abs=1)
    learnt(pace, write=0.01, each=0.01)
    assert pace.room(2, MOST) == pytest.approx(2, abs=1)


def test_a_clock_that_stands_still_does_no_harm() -> None:
    pace = learnt(Pace(2, 0.1), write=0, each=0)
    assert 1 <= pace.room(2, MOST) <= MOST
    assert 1 <= pace.room(0, MOST) <= MOST


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    slack=st.floats(1.1, 5),
    longest=st.floats(0.01, 1),
    write=st.floats(1e-4, 0.1),
    each=st.floats(1e-5, 0.1),
    replies=st.integers(1, 16),
    most=st.integers(1, 512),
)
def test_what_it_allows_keeps_its_word(
    slack: float, longest: float, write: float, each: float, replies: int, most: int
) -> None:
    pace = learnt(Pace(slack, longest), write=write, each=each, replies=replies)
    beside, alone = pace.room(replies, most), pace.room(0, most)
    assert 1 <= beside <= most
    assert 1 <= alone <= most
    if beside > 1:
        assert write * replies + each * beside <= slack * write * replies * 1.01
    if alone > 1:
        assert each * alone <= longest * 1.01
    if beside < most:  # and it is no miser
        assert each * (beside + 1) >= (slack - 1) * write * replies * 0.99


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 12), st.floats(0.001, 0.2)), max_size=60), st.integers(0, 4)
)
def test_the_pace_leaves_room_for_a_token_in_most_steps_and_never_for_more_than_asked(
    steps: list[tuple[int, int, float]], replies: int
) -> None:
    pace = Pace(2.2, 0.1)
    for written, read, seconds in steps:
        pace.note(written, read, seconds)
    assert 0 <= pace.room(replies, 32) <= 32
    if not pace.room(replies, 32):
        assert replies
        assert all(read for _, read, _ in steps[-FRESH:])
        pace.note(replies, 0, 0.01)
    assert pace.room(replies, 32) >= 1


def test_a_reply_that_gets_dearer_beside_a_long_prompt_does_not_hold_it_up() -> None:
    pace = learnt(Pace(2, 0.1), write=0.01, each=0.001, replies=1)
    assert pace.room(1, MOST) == 10
    only = 0
    for step in range(600):
        room = pace.room(1, MOST)
        only += not room
        pace.note(1, room, 0.01 + 0.01 * min(1, step / 300) + 0.001 * room)
    assert 600 / (FRESH + 2) < only <= 600 / FRESH
    pace.note(1, 0, 0.02)
    assert 18 <= pace.room(1, MOST) <= 21


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


def test_a_number_of_replies_that_was_slow_once_is_tried_again() -> None:
    pace = Pace(slack=1.8, longest=0.05)
    pace.note(1, 0, 0.010)
    pace.note(8, 0, 0.200)
    assert pace.crowd(2, 8) < 8
    for _ in range(2000):
        together = pace.crowd(2, 8)
        pace.note(together, 0, 0.010 + 0.0002 * together)
    assert pace.crowd(2, 8) == 8


def test_who_has_more_replies_makes_a_step_no_longer_than_a_prompt_may() -> None:
    pace = Pace(slack=1.8, longest=0.05)
    for replies in range(1, 17):
        pace.note(replies, 0, 0.002 + 0.01 * replies)
    assert pace.crowd(2, 16) == 3
    assert pace.crowd(8, 16) == 14
