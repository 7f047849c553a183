"""When a turn is over: by a fixed silence, or by how finished it sounds."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.jobs import DETECT_SAMPLES
from appliance.turns.detection import Eagerness, SemanticVad, ServerVad
from appliance.turns.endpointing import ASK_AT_MS, FINISHED_MS, LONGEST_MS, SHORTEST_MS, Endpointing
from appliance.turns.segmenter import samples

EAGERNESSES: tuple[Eagerness, ...] = get_args(Eagerness)
eagernesses = st.sampled_from(EAGERNESSES)


def over_after(rule: Endpointing) -> int:
    """Milliseconds of silence at which a pause ends the turn, counted in windows."""
    silence = DETECT_SAMPLES
    while rule.decide(silence) != "over":
        silence += DETECT_SAMPLES
    return silence // 16


def judged(eagerness: Eagerness, probability: float) -> Endpointing:
    """The rule in a pause about which the judge has said this."""
    rule = Endpointing(SemanticVad(eagerness=eagerness))
    rule.pause()
    assert rule.decide(samples(ASK_AT_MS[0])) == "ask"
    rule.judged(probability)
    return rule


@pytest.mark.parametrize("duration", [200, 500, 1200])
def test_a_fixed_silence_ends_a_turn_and_nobody_is_asked(duration: int) -> None:
    rule = Endpointing(ServerVad(silence_duration_ms=duration))
    assert rule.decide(samples(duration) - 1) == "wait"
    assert rule.decide(samples(duration)) == "over"
    rule.judged(0.0)
    assert over_after(rule) in range(duration, duration + 32)


def test_the_judge_is_asked_once_at_the_first_short_pause() -> None:
    rule = Endpointing(SemanticVad())
    rule.pause()
    decisions = [rule.decide(count * DETECT_SAMPLES) for count in range(1, 40)]
    assert decisions.index("ask") * 32 + 32 == ASK_AT_MS[0]
    assert decisions.count("ask") == len(ASK_AT_MS)
    rule.pause()
    assert rule.decide(samples(ASK_AT_MS[0])) == "ask"


@pytest.mark.parametrize("eagerness", EAGERNESSES)
def test_what_sounds_finished_is_over_at_once_and_what_does_not_may_take_long(eagerness: Eagerness) -> None:
    assert over_after(judged(eagerness, 1.0)) - SHORTEST_MS[eagerness] in range(32)
    assert over_after(judged(eagerness, 0.0)) - LONGEST_MS[eagerness] in range(32)


def test_the_eager_wait_less() -> None:
    for probability in (0.0, 0.1, 0.3, 0.6):
        high, medium, low = (judged(each, probability).patience_ms for each in ("high", "medium", "low"))
        assert high < medium < low
    assert judged("auto", 0.2).patience_ms == judged("medium", 0.2).patience_ms


@given(eagernesses, st.floats(0, 1), st.floats(0, 1))
def test_patience_never_grows_with_the_probability_of_an_end(eagerness: Eagerness, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert judged(eagerness, less).patience_ms >= judged(eagerness, more).patience_ms
    assert SHORTEST_MS[eagerness] <= judged(eagerness, one).patience_ms <= LONGEST_MS[eagerness]


@given(st.floats(0, 0.99))
def test_patience_has_no_steps(probability: float) -> None:
    assert abs(judged("auto", probability).patience_ms - judged("auto", probability + 0.01).patience_ms) < 200


def test_a_judgement_does_not_count_in_the_next_pause() -> None:
    rule = judged("auto", 1.0)
    rule.pause()
    assert rule.decide(samples(2 * SHORTEST_MS["auto"])) == "ask"
    assert rule.decide(samples(2 * SHORTEST_MS["auto"])) == "wait"


@pytest.mark.parametrize("eagerness", EAGERNESSES)
def test_without_a_judge_a_turn_ends_all_the_same(eagerness: Eagerness) -> None:
    rule = Endpointing(SemanticVad(eagerness=eagerness))
    rule.pause()
    waited = over_after(rule)
    assert SHORTEST_MS[eagerness] < waited < LONGEST_MS[eagerness]
    rule.pause()
    rule.judged(None)
    assert over_after(rule) == waited


@pytest.mark.parametrize("text", ["It is old.", "Is it?", "Go!", "He said “no.”", "好。", "ठीक है।", "(Yes.) "])
@pytest.mark.parametrize("eagerness", EAGERNESSES)
def test_words_that_end_like_a_sentence_need_no_long_silence(eagerness: Eagerness, text: str) -> None:
    rule = judged(eagerness, 0.0)
    rule.understood(text)
    assert rule.patience_ms == FINISHED_MS[eagerness] < LONGEST_MS[eagerness]
    rule.pause()
    rule.judged(0.0)
    assert rule.patience_ms == LONGEST_MS[eagerness]


@pytest.mark.parametrize("text", ["", "It is", "Well...", "Well…", "It is,", "3.5", "e.g. this"])
def test_other_words_do_not_shorten_it(text: str) -> None:
    rule = judged("auto", 0.0)
    rule.understood(text)
    assert rule.patience_ms == LONGEST_MS["auto"]


def test_what_sounds_finished_needs_no_full_stop() -> None:
    rule = judged("auto", 0.9)
    rule.understood("It is old.")
    assert rule.patience_ms == SHORTEST_MS["auto"]
