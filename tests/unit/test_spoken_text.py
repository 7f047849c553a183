"""What of a written text is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.dialogue.clauses import split
from appliance.dialogue.spoken_text import SpokenText, speakable


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Bold** and `code`, _it_, ~~no~~", "Bold and code, it, no"),
        ("snake_case \\*stars\\*", "snake case stars"),
        ("# Title\n- one\n* two\n1. three", "Title one two 1. three"),
        ("- [x] done\n- [ ] open", "done open"),
        ("> said\n> > before", "said before"),
        ("one\n***\ntwo", "one two"),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |", "a, b 1, 2"),
        ("See [the page](https://example.org/a_(b)).", "See the page."),
        ("![a cat](cat.png) and [x][1]\n\n[1]: https://example.org", "a cat and x"),
        ("So it is[^1].", "So it is."),
        ("Go to https://www.example.org/x?y=1.", "Go to example.org."),
        ("(https://a.org/c) or <https://b.org/z>, <a@c.org>", "(a.org) or b.org, a@c.org"),
        ("a<br/>b <b>c</b> <!-- d --> &amp; e &nbsp; f", "a b c & e f"),
        ("3 < 5 and 7 > 6", "3 < 5 and 7 > 6"),
        ("Fine \U0001f600!", "Fine!"),
        (
            "\U0001f469\u200d\U0001f4bb hi \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd ok \u2764\ufe0f\u200d\U0001f525",
            "hi ok",
        ),
        ("1\ufe0f\u20e3 one \u2713", "1 one"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("```python\nprint(1)\n```\nDone", "Done"),
        ("Look: ```x = 1", "Look:"),
        ("a\x00b\x01\ud800c", "a b c"),
        ("What?!?! No!!! Well,, so", "What? No! Well, so"),
        ("Wait... what… Yes…", "Wait, what, Yes."),
        ("wait --- what", "wait — what"),
        ("A → B -> C", "A, B, C"),
        ("~5 and 3*4", "≈ 5 and 3 × 4"),
        ("20 °C, 50 %, a@b.de, x + y = 3, Q&A, C#, 5 €", "20 °C, 50 %, a@b.de, x + y = 3, Q&A, C#, 5 €"),
        ("[[həlˈoʊ]]", "həlˈoʊ"),
        ("***", ""),
        ("\U0001f600", ""),
    ],
)
def test_markup_is_not_spoken(written: str, said: str) -> None:
    assert speakable(written) == said


def test_a_block_of_code_is_not_spoken_over_several_clauses() -> None:
    text = "Look:\n```python\nx = 1\n\ny = 2\n```\nDone, I think. ~~~ is fine.\n~~~\nz\n~~~\nEnd"
    spoken = SpokenText()
    assert [said for said in map(spoken.speakable, split(text)) if said] == ["Look:", "Done, I think. is fine.", "End"]


def test_code_within_one_clause_leaves_the_next_one_alone() -> None:
    spoken = SpokenText()
    assert spoken.speakable("Say ```x``` now.") == "Say now."
    assert spoken.speakable("And then?") == "And then?"


@given(
    st.text(
        alphabet=st.one_of(
            st.sampled_from("ab1 *_`~[](){}<>&;#|-=.,:!?…—\n\"'\\/@+>\U0001f600\u200d\ufe0f→你w"),
            st.characters(codec="utf-8"),
        ),
        max_size=60,
    )
)
def test_what_is_speakable_stays_as_it_is(text: str) -> None:
    said = speakable(text)
    assert speakable(said) == said
    assert not set(said) & set("*`[]\n\x00\U0001f600")
    assert said == "" or any(map(str.isalnum, said))


@given(st.text(alphabet=st.characters(categories=["L", "Nd", "Zs"]), max_size=60))
def test_letters_and_digits_are_kept(text: str) -> None:
    assert "".join(speakable(text).split()) == "".join(text.split())
