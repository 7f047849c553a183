"""Users take turns, and live turns go before what others do elsewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.engines import frames
from appliance.engines.fairness import FIRST_WORDS, by_user, has_room, in_turn, shares
from appliance.engines.frames import Hold
from appliance.engines.holding import HELD_SECONDS, NEW_SECONDS, Holding
from appliance.engines.interleave import Interleaved
from appliance.engines.precedence import HANDOVER_SECONDS, HOLD_SECONDS, Precedence
from appliance.engines.worker import Worker
from appliance.jobs import Generate, Prepare, Speak, Token, Transcribe, Understand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.engines.interleave import Progress
    from appliance.jobs import AnyJob


@dataclass(frozen=True)
class Job:
    number: int
    user: str = "a"
    rank: int = 1


def numbers(jobs: list[Job]) -> list[int]:
    return [job.number for job in jobs]


def test_a_job_goes_before_the_second_one_of_somebody_who_came_earlier() -> None:
    crowd = [Job(number) for number in range(4)]
    assert numbers(in_turn([*crowd, Job(9, "b"), Job(10, "b")])) == [0, 9, 1, 10, 2, 3]


def test_what_is_under_way_counts_but_not_what_is_lower() -> None:
    mine, theirs = Job(5, "a"), Job(6, "b")
    assert numbers(in_turn([mine, theirs], [Job(0, "a")])) == [6, 5]
    assert numbers(in_turn([mine, theirs], [Job(0, "a", rank=2)])) == [5, 6]


def test_ranks_come_first() -> None:
    assert numbers(in_turn([Job(2, "b", 1), Job(0, "a", 0), Job(1, "a", 0)])) == [0, 1, 2]


def test_who_has_little_finds_room_beyond_the_room() -> None:
    crowd = ["a"] * 4
    assert not has_room("a", crowd, 4)
    assert has_room("b", crowd, 4)
    assert not has_room("b", [*crowd, "b", "b"], 4)
    assert has_room("c", [*crowd, "b", "b"], 4)
    assert not has_room("d", [*crowd, "b", "b", "c", "e"], 4)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2))))
def test_nobody_is_left_out_and_a_users_jobs_of_one_rank_stay_in_order(made: list[tuple[str, int]]) -> None:
    jobs = [Job(number, user, rank) for number, (user, rank) in enumerate(made)]
    turns = in_turn(jobs)
    assert sorted(numbers(turns)) == list(range(len(jobs)))
    assert [job.rank for job in turns] == sorted(job.rank for job in jobs)
    for user in by_user(turns):
        assert [(job.rank, job.number) for job in user] == sorted((job.rank, job.number) for job in user)


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 120))
def test_shares(wants: list[int], room: int) -> None:
    given_ = shares(wants, room)
    assert all(share <= want for share, want in zip(given_, wants, strict=True))
    assert sum(given_) == min(room, sum(wants)) or room < len(wants)
    assert sum(given_) <= room
    if room >= len(wants):  # who gets less than they want gets no less than anybody, but for what does not divide
        short = [share for share, want in zip(given_, wants, strict=True) if share < want]
        assert not short or min(short) >= max(given_) - 1


def counted(job: AnyJob, _payload: bytes) -> Iterator[Progress]:
    assert isinstance(job, Generate)
    for number in range(job.max_tokens or 0):
        yield Token(text=str(number)), b""


def test_a_user_finds_a_place_beside_one_who_has_them_all_and_they_are_served_in_turn() -> None:
    engine = Interleaved(counted, width=2)
    for number in (1, 2, 3):
        engine.submit(number, Generate(max_tokens=4), b"", request_id="", window=99, user="a")
    engine.step()
    engine.submit(9, Generate(max_tokens=3), b"", request_id="", window=99, user="b")
    said = []
    while engine.busy:
        said += [each.id for each in engine.step() if each.part is not None]
    assert said[:6].count(9) == 3
    assert sorted(said) == [1] * 3 + [2] * 4 + [3] * 4 + [9] * 3


def served(engine: Interleaved, number: int, steps: int) -> Counter[int]:
    counts: Counter[int] = Counter()
    for _ in range(steps):
        counts.update(each.id for each in engine.step())
    assert counts[number]
    return counts


def test_nobody_starves_in_step_with_the_others() -> None:
    engine = Interleaved(counted, width=4)
    jobs = [(1, "a", "live"), (2, "a", "typed"), (3, "b", "live")]
    for number, user, priority in jobs:
        job = Generate(max_tokens=9999, priority=priority)  # type: ignore[arg-type]
        engine.submit(number, job, b"", request_id="", window=9999, user=user)
    counts = served(engine, 2, 400)
    assert min(counts.values()) >= 80


def test_nobody_waits_for_ever_for_users_who_come_and_go() -> None:
    engine, numbers_, users = Interleaved(counted, width=2), count(10), "bcdef"
    engine.submit(1, Generate(max_tokens=9999, priority="live"), b"", request_id="", window=9999, user="a")
    engine.step()
    engine.submit(2, Generate(max_tokens=1, priority="background"), b"", request_id="", window=9, user="a")
    theirs: dict[int, str] = {}
    said: set[int] = set()
    for _ in range(300):
        for user in set(users) - set(theirs.values()):
            number = next(numbers_)
            theirs[number] = user
            engine.submit(number, Generate(max_tokens=2), b"", request_id="", window=9, user=user)
        for each in engine.step():
            said.add(each.id)
            if each.part is None:
                theirs.pop(each.id, None)
    assert 2 in said


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_held_worker_does_what_is_exempt_and_else_one_step_a_second() -> None:
    clock = Clock()
    holding = Holding(clock)
    holding.started(1, "a", live=False)
    assert holding.seconds == 0
    holding.told(Hold(10.0, live=["b"], others=["c"]))
    assert holding.seconds == HELD_SECONDS
    clock.now += HELD_SECONDS
    assert holding.seconds == 0
    holding.stepped()
    assert holding.seconds == HELD_SECONDS
    holding.started(2, "b", live=False)
    assert holding.seconds > 0
    holding.promoted(2)
    assert holding.seconds == 0
    holding.ended(2)
    assert holding.seconds > 0
    holding.started(3, "c", live=False)
    assert holding.seconds == 0
    holding.ended(3)
    clock.now += 9.5 - HELD_SECONDS
    holding.stepped()
    assert holding.seconds == 0.5
    holding.told(Hold(0.0))
    assert holding.seconds == 0


def precedence(clock: Clock | None = None) -> tuple[Precedence, list[Hold]]:
    told: list[Hold] = []
    one = Precedence(clock or Clock())
    one.join(told.append)
    return one, told


def test_a_live_reply_presses_until_its_first_words() -> None:
    clock = Clock()
    one, told = precedence(clock)
    claim = one.claim(Generate(priority="live"), "a")
    assert told == [Hold(HOLD_SECONDS, ["a"])]
    for _ in range(FIRST_WORDS):
        claim.part()
    assert told[1:] == [Hold(HANDOVER_SECONDS, ["a"], [], Hold(0.0))]
    clock.now += HANDOVER_SECONDS
    claim.end()
    assert told[2:] == [Hold(0.0)]
    claim.end()
    claim.press()
    assert told[3:] == []


def test_between_two_stages_of_a_turn_nothing_of_anybody_elses_begins() -> None:
    clock = Clock()
    one, told = precedence(clock)
    crowd = [one.claim(Understand(), "a") for _ in range(4)]
    heard = one.claim(Understand(), "b")
    heard.part()
    heard.end()
    crowds = Hold(HOLD_SECONDS, ["a"])
    assert told[-1] == Hold(HANDOVER_SECONDS, ["b"], [], crowds)
    draft = one.claim(Generate(), "b")  # does not press
    assert told[-1] == Hold(HANDOVER_SECONDS, ["b"], [], msgspec.structs.replace(crowds, others=["b"]))
    draft.end()
    reply = one.claim(Generate(priority="live"), "b")
    assert told[-1] == Hold(HOLD_SECONDS, ["b"])
    for _ in range(FIRST_WORDS):
        reply.part()
    spoken = one.claim(Speak(text="", priority="live"), "b")
    assert told[-1] == Hold(HOLD_SECONDS, ["b"])
    spoken.part()  # heard: there is nothing to hand over any more
    assert told[-1] == Hold(HOLD_SECONDS, ["a"], ["b"])
    one.claim(Understand(), "b").part()
    clock.now += HANDOVER_SECONDS
    crowd[0].end()
    assert told[-1].live == ["a"]


def test_a_guess_that_is_dropped_hands_nothing_over() -> None:
    one, told = precedence()
    one.claim(Understand(), "a").end()
    assert told[-1] == Hold(0.0)


def test_a_short_reply_is_handed_over_whole() -> None:
    one, told = precedence()
    reply = one.claim(Generate(priority="live"), "a")
    reply.part()
    reply.end(done=True)
    assert told[-1] == Hold(HANDOVER_SECONDS, ["a"], [], Hold(0.0))


def test_what_is_heard_already_is_not_handed_over_again() -> None:
    one, told = precedence()
    reply = one.claim(Generate(priority="live"), "a")
    spoken = one.claim(Speak(text="", priority="live"), "a")
    for _ in range(FIRST_WORDS):
        reply.part()
    assert told[-1] == Hold(HOLD_SECONDS, ["a"])
    spoken.part()
    assert told[-1] == Hold(0.0)


def test_between_two_stages_a_draft_goes_on_and_nothing_else_that_is_not_live() -> None:
    clock = Clock()
    holding = Holding(clock)
    holding.started(1, "b", live=False)
    clock.now += NEW_SECONDS
    holding.told(Hold(HANDOVER_SECONDS, ["b"], [], Hold(5.0, ["a"])))
    assert holding.seconds > 0
    holding.started(2, "b", live=False)
    assert holding.seconds == 0
    holding.told(Hold(HOLD_SECONDS, ["b"]))
    assert holding.seconds > 0


def test_behind_a_handover_the_hold_from_before_goes_on() -> None:
    clock = Clock()
    holding = Holding(clock)
    holding.started(1, "c", live=False)
    holding.told(Hold(HANDOVER_SECONDS, ["b"], [], Hold(5.0, ["a"])))
    clock.now += HANDOVER_SECONDS
    holding.started(2, "b", live=True)
    assert holding.seconds > 0
    holding.started(3, "a", live=True)
    assert holding.seconds == 0
    holding.ended(3)
    assert holding.seconds > 0
    clock.now += 5.0
    assert holding.seconds == 0


def test_what_nobody_waits_for_presses_only_once_somebody_does() -> None:
    one, told = precedence()
    draft = one.claim(Generate(), "a")
    for job in (Prepare(priority="live"), Transcribe(), Speak(text=""), Understand(priority="background")):
        one.claim(job, "a")
    assert told == []
    draft.press()
    assert told == [Hold(HOLD_SECONDS, ["a"])]
    one.claim(Understand(priority="typed"), "a").end()
    assert told[1:] == [Hold(HOLD_SECONDS, ["a"])]
    draft.end()
    assert told[-1] == Hold(0.0)


def test_of_several_users_with_pressing_turns_those_with_the_fewest_go_first() -> None:
    one, told = precedence()
    crowd = [one.claim(Understand(), "a") for _ in range(3)]
    typing = one.claim(Generate(), "c")
    one.claim(Generate(priority="background"), "")
    assert told[-1].live == ["a"]
    guest = one.claim(Understand(), "b")
    assert told[-1] == Hold(HOLD_SECONDS, ["b"], ["c"])
    guest.end()
    assert told[-1] == Hold(HOLD_SECONDS, ["a"], ["c"])
    typing.end()
    for claim in crowd:
        claim.end()
    assert told[-1] == Hold(0.0)


def test_what_is_stuck_is_not_waited_for_again_and_again() -> None:
    clock = Clock()
    one, told = precedence(clock)
    one.claim(Generate(priority="live"), "b")
    clock.now += HOLD_SECONDS
    crowd = [one.claim(Understand(), "a") for _ in range(2)]
    assert told[-1].live == ["a"]
    for claim in crowd:
        claim.end()
    assert told[-1] == Hold(0.0)


def test_a_newcomer_with_little_is_exempt_at_once() -> None:
    one, told = precedence()
    one.claim(Understand(), "a")
    one.claim(Generate(), "a")
    assert told[-1] == Hold(HOLD_SECONDS, ["a"])
    one.claim(Generate(), "c")
    assert told[-1] == Hold(HOLD_SECONDS, ["a"], ["c"])


@pytest.mark.parametrize(
    "job", [Understand(priority="typed"), Understand(), Generate(priority="live"), Speak(text="", priority="live")]
)
def test_no_worker_is_held_up_by_the_very_job_that_is_waited_for(job: AnyJob) -> None:
    one, told = precedence()
    worker, engine = Worker(cast("Any", None), cast("Any", None)), Interleaved(counted, width=2)
    worker._deliver(engine, frames.Start(1, Generate(), "", 1, "a"), b"")
    claim = one.claim(job, "a")
    worker._deliver(engine, told[-1], b"")
    assert worker._holding.seconds > 0  # what was there before is
    worker._deliver(engine, frames.Start(2, job, "", 1, "a"), b"")
    assert worker._holding.seconds == 0
    claim.end()
