"""From probabilities to speech and pauses; the clock is the number of windows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.jobs import DETECT_SAMPLES
from appliance.turns.segmenter import (
    HYSTERESIS,
    ONSET_WINDOWS,
    PAUSE_WINDOWS,
    Paused,
    Resumed,
    Segmenter,
    SpeechBegan,
    milliseconds,
    samples,
)

QUIET, LOUD = 0.02, 0.97


def at(window: int) -> int:
    """Position of a window's first sample."""
    return window * DETECT_SAMPLES


def told(segmenter: Segmenter, *probabilities: float) -> list[SpeechBegan | Paused | Resumed]:
    return [event for probability in probabilities for event in segmenter.feed(probability)]


def test_speech_begins_where_its_first_voice_was() -> None:
    segmenter = Segmenter()
    assert told(segmenter, QUIET, QUIET, LOUD, LOUD) == []
    assert told(segmenter, LOUD) == [SpeechBegan(at(2))]
    assert segmenter.voiced == at(3)
    assert segmenter.silence == 0


def test_a_gap_inside_the_first_syllable_does_not_hide_it() -> None:
    assert told(Segmenter(), LOUD, QUIET, LOUD, QUIET, LOUD) == [SpeechBegan(at(0))]


def test_a_click_is_no_speech() -> None:
    segmenter = Segmenter()
    clicks = [*[LOUD] * (ONSET_WINDOWS - 1), *[QUIET] * 3] * 20
    assert told(segmenter, *clicks) == []
    assert not segmenter.speaking


def test_a_pause_is_told_late_but_begins_where_the_voice_ended() -> None:
    segmenter = Segmenter()
    told(segmenter, *[LOUD] * 10)
    assert told(segmenter, *[QUIET] * (PAUSE_WINDOWS - 1)) == []
    assert told(segmenter, QUIET) == [Paused(at(10))]
    assert segmenter.silence == at(PAUSE_WINDOWS)
    assert told(segmenter, *[QUIET] * 20) == []
    assert told(segmenter, LOUD) == [Resumed(at(10 + PAUSE_WINDOWS + 20))]
    assert segmenter.voiced == at(11)
    assert told(segmenter, *[QUIET] * PAUSE_WINDOWS) == [Paused(at(11 + PAUSE_WINDOWS + 20))]


def test_a_closed_consonant_is_no_pause() -> None:
    assert told(Segmenter(), *[LOUD] * 5, *([QUIET] * (PAUSE_WINDOWS - 1) + [LOUD]) * 9) == [SpeechBegan(0)]


def test_speech_fades_below_the_threshold_but_does_not_begin_there() -> None:
    between = 0.5 - HYSTERESIS / 2
    assert told(Segmenter(), *[between] * 50) == []
    segmenter = Segmenter()
    told(segmenter, *[LOUD] * 5)
    assert told(segmenter, *[between] * 50) == []
    assert segmenter.silence == 0
    told(segmenter, *[QUIET] * PAUSE_WINDOWS)
    assert told(segmenter, *[between] * 50) == []  # nor does it come back there
    assert segmenter.pausing


def test_a_higher_threshold_hears_less() -> None:
    assert told(Segmenter(0.9), *[0.8] * 20) == []
    assert told(Segmenter(0.7), *[0.8] * 20) == [SpeechBegan(0)]


def test_after_a_turn_the_next_voice_is_a_new_one() -> None:
    segmenter = Segmenter(start=at(100))
    told(segmenter, *[LOUD] * 5, *[QUIET] * 20)
    segmenter.over()
    assert (segmenter.speaking, segmenter.pausing, segmenter.voiced) == (False, False, 0)
    assert told(segmenter, QUIET, *[LOUD] * 3) == [SpeechBegan(at(126))]


@given(st.lists(st.floats(0, 1), max_size=200), st.floats(0.05, 0.95))
def test_events_alternate_and_their_positions_only_grow(probabilities: list[float], threshold: float) -> None:
    segmenter, events = Segmenter(threshold), []
    for number, probability in enumerate(probabilities):
        for event in segmenter.feed(probability):
            assert event.at <= at(number + 1)
            events.append(event)
    assert all(isinstance(event, SpeechBegan) == (number == 0) for number, event in enumerate(events))
    assert all(isinstance(event, Paused) == (number % 2 == 1) for number, event in enumerate(events))
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert 0 <= segmenter.voiced <= segmenter.position == at(len(probabilities))
    assert segmenter.speaking == bool(events)
    assert segmenter.pausing == (bool(events) and isinstance(events[-1], Paused))


@given(st.integers(0, 10**6))
def test_milliseconds_and_samples(count: int) -> None:
    assert milliseconds(samples(count)) == count
