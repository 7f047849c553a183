"""The search for the largest number of people that a box carries, and the people."""

from __future__ import annotations

import itertools
import math
import random
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cli.line import RATE
from benchmarks import capacity
from benchmarks.box import Box
from benchmarks.capacity import SHARE, Goal, Level, OutOfTimeError, search
from benchmarks.order_statistics import allowed, least, nearest_rank
from benchmarks.people import people
from benchmarks.quantiles import interval
from benchmarks.speakers import Order, Report, Rhythm, trimmed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

GOAL = Goal()


def carried(most: int) -> Callable[[int, bool], Level]:
    """A box that carries so many, and is far too slow for more."""

    def attempt(speakers: int, full: bool) -> Level:
        planned = GOAL.turns(speakers, full=full)
        return Level(speakers, full, planned, [1.0 if speakers <= most else 3.0] * planned)

    return attempt


@given(carries=st.integers(0, 300), start=st.integers(1, 64), most=st.integers(1, 256))
def test_the_search_finds_what_is_carried(carries: int, start: int, most: int) -> None:
    found = search(carried(carries), GOAL, start=start, most=most)
    assert found.speakers == min(carries, most)
    assert found.confirmed == bool(found.speakers)
    assert len(found.levels) <= 2 * most.bit_length() + 4
    assert [level.speakers for level in found.levels if level.full] == [found.speakers] * (2 if found.speakers else 0)


def test_what_was_kept_at_a_glance_has_to_hold_in_full() -> None:
    lucky = carried(6)

    def attempt(speakers: int, full: bool) -> Level:
        return lucky(speakers + 2 if full else speakers, full)

    found = search(attempt, GOAL, start=2, most=64)
    assert (found.speakers, found.confirmed) == (4, True)


def test_a_search_without_time_says_so() -> None:
    box, times = carried(6), iter(range(3))

    def attempt(speakers: int, full: bool) -> Level:
        if next(times, None) is None:
            raise OutOfTimeError
        return box(speakers, full)

    found = search(attempt, GOAL, start=2, most=64)
    assert (found.speakers, found.confirmed, found.why) == (4, False, "time was up")


def played(monkeypatch: pytest.MonkeyPatch, told: Iterable[Report], until: float = math.inf) -> Level:
    """A level whose people report this; its second turn each is the first that counts."""

    @contextmanager
    def heard(_: Order) -> Iterator[Iterator[Report]]:
        yield iter(told)

    monkeypatch.setattr(capacity, "people", heard)
    monkeypatch.setattr(capacity, "cpu_seconds", lambda _: 0.0)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    box = Box(0, "http://127.0.0.1:1", 0.0, Path())
    return capacity.Trials(box, (), Rhythm(), Goal(2.0, 4, 100), until).level(2, full=False)


def test_whoever_waits_longest_at_a_levels_end_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = [Report(number, 0, 0, number, 1.0) for number in range(1, 5)]
    patient = [Report(9, 0, 0, 5, 1.0), Report(9, 0), Report(10, 0, 1, 1, 9.0), Report(11, 0, 1, 2, 9.0)]
    level = played(monkeypatch, quick + patient)
    assert level.seconds == [1.0] * 5 + [9.0]
    assert not level.kept(2.0)
    again = played(monkeypatch, [*quick, Report(9, 0, 1, 1, 1.0), Report(9, 0, 0, 5, 1.0), Report(9, 0, 0, 6, 1.0)])
    assert len(again.seconds) == 6
    assert again.kept(2.0)


def test_time_that_is_up_in_a_level_says_nothing_of_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0.0, 50.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with pytest.raises(OutOfTimeError):
        played(monkeypatch, itertools.repeat(Report(1, 0)), until=130.0)


def test_a_level_is_hopeless_when_nothing_can_mend_it() -> None:
    level = Level(1, True, 100, [1.0] * 40 + [3.0] * 5)
    assert not level.hopeless(2.0)
    level.add(Report(0, 0, seconds=3.0, turn=1))
    assert level.hopeless(2.0)
    level = Level(1, True, 100, [1.0] * 100)
    assert level.kept(2.0)
    level.add(Report(0, 0, error="lost"))
    assert not level.kept(2.0)
    level = Level(1, True, 100)
    level.add(Report(0, 0, seconds=1.0, turn=0))
    assert level.seconds == []  # their first turn comes in before all are there


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99]))
def test_the_limit_and_the_percentile_agree(values: list[float], share: float) -> None:
    for limit in values:
        over = sum(value > limit for value in values)
        assert (nearest_rank(values, share) <= limit) == (over <= allowed(len(values), share))


def test_how_many_turns_it_takes_to_be_sure() -> None:
    enough = least(SHARE)
    assert enough == 72
    assert interval(list(range(enough)), SHARE) is not None
    assert interval(list(range(enough - 1)), SHARE) is None
    chance, held = random.Random(1), 0
    for _ in range(400):
        found = interval([chance.expovariate(1) for _ in range(100)], SHARE)
        held += found is not None and found[0] <= -np.log(1 - SHARE) <= found[1]
    assert held >= 0.93 * 400


def test_silence_behind_the_last_word_goes() -> None:
    word = (8000 * np.sin(np.arange(RATE) / 8)).astype("<i2")
    pcm = np.concatenate([np.zeros(RATE // 2, "<i2"), word, np.zeros(2 * RATE, "<i2")]).tobytes()
    assert len(trimmed(pcm)) / 2 / RATE == pytest.approx(1.7, abs=0.03)
    assert trimmed(bytes(RATE)) == bytes(RATE)


def test_two_people_talk_with_a_box(box: str, question: bytes, tmp_path: Path) -> None:
    file = tmp_path / "q.wav"
    file.write_bytes(question)
    rhythm = Rhythm(think_seconds=0.1, reply_tokens=6, patience_seconds=60, turns=2)
    turns: list[Report] = []
    with people(Order(box, (str(file),), 2, rhythm, spread_seconds=0.5)) as reports:
        for report in reports:
            assert not report.error
            if report.seconds is not None:
                turns.append(report)
            if len({turn.speaker for turn in turns}) == 2:
                break
    assert {turn.speaker for turn in turns} == {0, 1}
    assert all(turn.seconds is not None and turn.seconds > 0 and turn.heard_seconds > 0 for turn in turns)
    assert all({"understood", "first_audio"} <= turn.timings.keys() for turn in turns)
    assert report.load > 0


def test_nobody_there_is_an_error_not_a_wait(tmp_path: Path, question: bytes) -> None:
    file = tmp_path / "q.wav"
    file.write_bytes(question)
    with people(Order("http://127.0.0.1:9", (str(file),), 1, spread_seconds=0.0)) as reports:
        assert next(report.error for report in reports if report.error) == "refused"
