"""Users take turns, and live turns go before what others do elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from appliance.engines.fairness import by_user, in_turn, rounds, shares
from appliance.engines.frames import Hold
from appliance.engines.holding import HELD_SECONDS, Holding
from appliance.engines.interleave import Interleaved
from appliance.engines.precedence import FIRST_WORDS, HOLD_SECONDS, Precedence
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


def test_ranks_come_first_unless_they_are_told_to_count_as_one() -> None:
    live, more, guess = Job(0, "a", 0), Job(1, "a", 0), Job(2, "b", 1)
    assert numbers(in_turn([guess, live, more])) == [0, 1, 2]
    assert [(at, job.number) for at, job in rounds([guess, live, more], lowest=1)] == [(0, 0), (0, 2), (1, 1)]
    own = [Job(0, "a", 1), Job(1, "a", 0)]
    assert [job.number for _, job in rounds(own, lowest=1)] == [1, 0]


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
    clock.now += 8.5
    holding.stepped()
    assert holding.seconds == 0.5
    holding.told(Hold(0.0))
    assert holding.seconds == 0


def precedence() -> tuple[Precedence, list[Hold]]:
    told: list[Hold] = []
    one = Precedence()
    one.join(told.append)
    return one, told


def test_a_live_reply_presses_until_its_first_words() -> None:
    one, told = precedence()
    claim = one.claim(Generate(priority="live"), "a")
    assert told == [Hold(HOLD_SECONDS, ["a"])]
    for _ in range(FIRST_WORDS):
        claim.part()
    assert told[1:] == [Hold(0.0)]
    claim.end()
    claim.end()
    claim.press()
    assert told[2:] == []


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
