"""What is certain of a growing transcript: told once, told for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.turns.agreement import Agreement

words = st.sampled_from(["the", "The", "cat", "cat,", "sat", "on", "a", "mat.", "-", "él"])
texts = st.lists(words, max_size=12).map(" ".join)


def test_words_are_certain_when_two_looks_agree_on_them() -> None:
    agreement = Agreement()
    assert agreement.hear("Why is") == ""
    assert agreement.hear("Why is the") == "Why is"
    assert agreement.hear("Why is the sky") == " the"
    assert agreement.hear("Why is the skies blue") == ""
    assert agreement.finish("Why is the sky blue?") == " sky blue?"
    assert agreement.text == "Why is the sky blue?"


def test_the_last_word_may_still_be_half_said() -> None:
    agreement = Agreement()
    agreement.hear("I under")
    assert agreement.hear("I under") == "I"
    assert agreement.finish("I understand.") == " understand."


def test_case_and_punctuation_are_no_difference() -> None:
    agreement = Agreement()
    agreement.hear("well, paris is")
    assert agreement.hear("Well Paris is nice") == "Well Paris is"
    assert agreement.finish("Well, Paris is nice.") == " nice."


def test_silence_and_noise_take_nothing_back() -> None:
    agreement = Agreement()
    agreement.hear("one two three")
    agreement.hear("one two three")
    assert agreement.hear("") == agreement.hear("") == agreement.finish("") == ""
    assert agreement.text == "one two"


@pytest.mark.parametrize(
    ("final", "all_told"),
    [
        ("there is a cat that sat on a mat", "the cat sat on a mat"),
        ("cat sat on a mat", "the cat sat on a mat"),
        ("the cats sat on a mat", "the cat sat on a mat"),
        ("the cat", "the cat sat"),
        ("on a mat the cat sat on a mat", "the cat sat on a mat"),
    ],
)
def test_a_final_text_that_differs_goes_on_where_it_is_most_alike(final: str, all_told: str) -> None:
    agreement = Agreement()
    agreement.hear("the cat sat on")
    agreement.hear("the cat sat in")
    assert agreement.text == "the cat sat"
    agreement.finish(final)
    assert agreement.text == all_told


def test_looks_that_change_their_beginning_say_nothing_twice() -> None:
    agreement = Agreement()
    agreement.hear("the cat sat on")
    agreement.hear("the cat sat in")
    agreement.hear("and then the cat sat on a mat")
    assert agreement.hear("and then the cat sat on a mat") == " on a"


@given(st.lists(texts, max_size=8), texts)
def test_it_only_appends(looks: list[str], final: str) -> None:
    agreement, shown = Agreement(), ""
    for delta_of, text in [*((agreement.hear, look) for look in looks), (agreement.finish, final)]:
        before = agreement.text
        shown += delta_of(text)
        assert agreement.text == shown
        assert shown.startswith(before)
        assert shown == "" or (shown[0] != " " and shown[-1] != " ")


@given(st.lists(words, max_size=12), st.lists(st.integers(0, 12), max_size=8))
def test_looks_at_the_beginning_lead_to_the_final_text(said: list[str], lengths: list[int]) -> None:
    agreement = Agreement()
    for length in lengths:
        agreement.hear(" ".join(said[:length]))
    agreement.finish(" ".join(said))
    assert agreement.text == " ".join(said)


@given(st.lists(texts, max_size=8), texts)
def test_the_same_final_text_twice_adds_nothing_when_it_was_told_whole(looks: list[str], final: str) -> None:
    agreement = Agreement()
    for look in looks:
        agreement.hear(look)
    if not agreement.text:
        agreement.finish(final)
        assert agreement.text == final
        assert agreement.finish(final) == ""
