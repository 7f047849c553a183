"""Whether a sound during a reply stops it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.turns.interruption import BACKCHANNELS, SHORTEST_MS, is_backchannel, verdict
from appliance.turns.segmenter import samples

ENOUGH = samples(SHORTEST_MS)


def test_a_sound_is_held_until_it_is_long_enough() -> None:
    assert verdict(1, None) == "hold"
    assert verdict(ENOUGH - 1, None) == "hold"
    assert verdict(ENOUGH, None) == "interrupt"
    assert verdict(samples(200), None, shortest=samples(200)) == "interrupt"


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "...", "Mm-hm.", "Mhm", "Uh-huh.", "Yeah.", "Yeah, yeah.", "Okay!", "OK", "Right.", "I see.",
        "Hmm...", "Ja, genau.", "Ach so.", "D'accord.", "D\u2019accord", "S\u00ed", "Si\u0301", "Claro.",
    ],
)  # fmt: skip
def test_a_listeners_word_lets_the_reply_go_on(text: str) -> None:
    assert is_backchannel(text)
    assert verdict(samples(300), text) == "resume"


@pytest.mark.parametrize("text", ["Stop.", "No.", "Wait!", "Yeah, but", "Okay, stop", "Right now?", "Halt", "2", "停"])
def test_any_other_word_stops_it(text: str) -> None:
    assert not is_backchannel(text)
    assert verdict(samples(300), text) == "interrupt"


def test_a_long_sound_stops_it_whatever_was_said() -> None:
    assert verdict(ENOUGH, "mm-hm") == "interrupt"


@given(st.lists(st.sampled_from(sorted(word for word in BACKCHANNELS if " " not in word)), min_size=1, max_size=4))
def test_listeners_words_may_follow_each_other(words: list[str]) -> None:
    assert is_backchannel(", ".join(words).capitalize() + ".")
    assert not is_backchannel(", ".join([*words, "stop"]))


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.none() | st.text(max_size=8))
def test_more_voice_never_takes_an_interruption_back(one: int, other: int, text: str | None) -> None:
    less, more = sorted((one, other))
    if verdict(less, text) == "interrupt":
        assert verdict(more, text) == "interrupt"
