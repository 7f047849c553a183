"""Users share the language engine alike, however much each of them wants."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bench import Bench, steps
from counting import CountingModel, reply_to, talkers
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.engines.fairness import FIRST_WORDS

if TYPE_CHECKING:
    from appliance.engines.llama.work import Work


def crowd(one: Bench, count: int, rank: int = 1) -> list[Work]:
    return [one.submit(prompt, 60, rank, user="loud") for prompt in talkers(count)]


def talking(so_far: int) -> Bench:
    """Somebody's eight live replies, after so many steps."""
    model = CountingModel(4000, 12, 64)
    model.each = 0.01
    one = Bench(model, width=10, stride=3)
    crowd(one, 8, rank=0)
    steps(one, so_far)
    return one


def test_a_user_without_a_place_gets_one_from_who_has_many() -> None:
    one = Bench(CountingModel(800, 8, 64), width=4)
    loud = crowd(one, 6)
    steps(one, 3)
    quiet = [one.submit(prompt, 20, user="quiet") for prompt in talkers(8)[6:]]
    one.step()
    assert {work.user for work in one.scheduler.running} == {"loud", "quiet"}
    steps(one, 2)
    assert Counter(work.user for work in one.scheduler.running) == {"loud": 2, "quiet": 2}
    assert loud[0].slot is not None
    assert loud[3].slot is None
    preempted = one.scheduler.counts.preempted
    steps(one, 10)
    assert one.scheduler.counts.preempted == preempted
    one.finish()
    assert all(one.pens[work].over for work in (*loud, *quiet))


def test_a_users_reply_is_in_every_step_beside_a_crowd_that_takes_turns() -> None:
    model = CountingModel(2000, 12, 64)
    model.step, model.each = 0.001, 0.01
    one = Bench(model, width=10)
    quiet = one.submit(talkers(9)[8], 40, user="quiet")
    steps(one, 5)
    loud = crowd(one, 8)
    steps(one, 16)
    before = len(one.spoken)
    while len(one.pens[quiet].text) < 40:
        one.step()
    spoken = one.spoken[before:]
    assert all(quiet.id in step for step in spoken)
    assert max(map(len, spoken)) <= 6  # of nine
    counts = Counter(work for step in spoken for work in step if work != quiet.id)
    assert set(counts) == {work.id for work in loud}
    assert max(counts.values()) - min(counts.values()) <= 1
    one.finish()


def test_the_first_words_of_a_live_reply_do_not_wait_for_the_conversations_of_somebody_else() -> None:
    one = talking(40)
    quiet = one.submit([77] * 30, 20, 0, user="quiet")
    before = len(one.spoken)
    while len(one.pens[quiet].text) < 3:
        one.step()
    spoken = one.spoken[before:]
    assert sum(len(step) > 1 for step in spoken) <= len(spoken) / 3 + 1
    assert any(len(step) > 1 for step in spoken)
    one.finish()


def test_once_a_live_prompt_is_read_its_first_words_have_the_steps_almost_alone() -> None:
    one = talking(10)
    prompt = next([start] * 150 for start in range(99) if len(reply_to([start] * 150, 20)) == 20)
    quiet = one.submit(prompt, 20, 0, user="quiet")
    before = len(one.spoken)
    while not one.pens[quiet].text:
        one.step()
    reading = one.spoken[before:]
    assert sum(bool(step) for step in reading) > len(reading) / 6  # others go on while it is read
    before = len(one.spoken)
    while len(one.pens[quiet].text) < FIRST_WORDS:
        one.step()
    assert sum(len(step) > 1 for step in one.spoken[before:]) <= FIRST_WORDS / 9 + 1
    one.finish()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.integers(1, 40), st.integers(0, 12), st.integers(0, 5)),
        min_size=1,
        max_size=14,
    )
)
def test_whoever_asks_gets_their_whole_reply(asked: list[tuple[str, int, int, int, int]]) -> None:
    one = Bench(CountingModel(120, 5, 48), width=4, stride=3)
    for number, (user, rank, size, room, pause) in enumerate(asked):
        one.submit([number % 7] * size, room, rank, user=user)
        steps(one, pause)
    one.finish()
