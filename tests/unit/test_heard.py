"""What of a reply was heard by a time: pure, with marks that are made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.dialogue.heard import Spoken
from appliance.dialogue.spoken_text import speakable
from appliance.dialogue.words import words
from appliance.jobs import SPEECH_RATE, Mark

SECOND = SPEECH_RATE


def add(reply: Spoken, text: str, spoken: str | None = None, *, upto: int | None = None, pause: int = 0) -> None:
    """A clause whose words sound for a second each; `upto`: so many words' audio has come."""
    said = text if spoken is None else spoken
    reply.clause(text, said)
    marks = [Mark(start, end, SECOND * n) for n, (start, end) in enumerate(words(said), 1)][:upto]
    for mark in marks:
        reply.audio(SECOND, [mark])
    if pause:
        reply.audio(pause, [])


@pytest.mark.parametrize(
    ("milliseconds", "heard"),
    [
        (0, ""),
        (500, ""),
        (501, "Well,"),
        (1000, "Well,"),
        (1499, "Well,"),
        (1501, "Well, yes."),
        (2000, "Well, yes."),
        (2600, "Well, yes. And"),
        (4000, "Well, yes. And so"),
        (9e9, "Well, yes. And so on!"),
    ],
)
def test_a_word_is_heard_when_more_than_half_of_it_was(milliseconds: float, heard: str) -> None:
    reply = Spoken()
    add(reply, "Well, yes.")
    add(reply, "And so on!")
    assert reply.milliseconds == 5000
    assert reply.heard(milliseconds) == heard


def test_the_end_of_the_last_word_is_the_end_of_its_clause() -> None:
    reply = Spoken()
    add(reply, "Yes, (indeed).", pause=SECOND)
    assert reply.heard(2000) == "Yes, (indeed)."


def test_markup_stays_with_its_words() -> None:
    text = "See **the** [red page](https://example.org/a/b), `now` or later."
    reply = Spoken()
    add(reply, text, "See the red page, now or later.")
    assert reply.heard(2000) == "See **the**"
    assert reply.heard(3000) == "See **the** [red"
    assert reply.heard(4000) == "See **the** [red page](https://example.org/a/b),"
    assert reply.heard(5000).endswith("`now`")
    assert reply.heard(7000) == text


def test_what_is_not_spoken_is_kept_before_a_word_that_is_heard() -> None:
    reply = Spoken()
    add(reply, "Look:")
    add(reply, "```x = 1```", "")
    add(reply, "Done now.")
    add(reply, "***", "")
    assert reply.heard(1200) == "Look:"
    assert reply.heard(1600) == "Look: ```x = 1``` Done"
    assert reply.heard(2999) == "Look: ```x = 1``` Done now."
    assert reply.heard(3000) == "Look: ```x = 1``` Done now. ***"


def test_a_clause_whose_voice_has_not_come_was_not_heard() -> None:
    reply = Spoken()
    reply.clause("One two three.", "One two three.")
    assert reply.heard(10_000) == ""
    reply.audio(SECOND, [Mark(0, 3, SECOND)])
    assert reply.heard(10_000) == "One"
    reply.audio(2 * SECOND, [Mark(4, 7, 2 * SECOND), Mark(8, 14, 3 * SECOND)])
    add(reply, "Four.", upto=0)
    assert reply.heard(10_000) == "One two three."


def test_scripts_without_spaces_are_cut_between_characters() -> None:
    reply = Spoken()
    add(reply, "你好。")
    add(reply, "我很好！")
    assert reply.heard(1000) == "你"
    assert reply.heard(3600) == "你好。我很"
    assert reply.heard(5000) == "你好。我很好！"


def test_without_marks_all_characters_take_equally_long() -> None:
    reply = Spoken()
    reply.clause("One two six.", "One two six.")
    reply.audio(12 * SECOND, [])
    assert reply.heard(7000) == "One two"
    assert reply.heard(12_000) == "One two six."


def test_captions_say_when_each_word_sounds_and_what_was_written_for_it() -> None:
    reply = Spoken()
    add(reply, "**Hi** there.", "Hi there.")
    assert [(each.text, each.start, each.end, each.written) for each in reply.captions()] == [
        ("Hi", 0, 1000, "**Hi**"),
        ("there.", 1000, 2000, " there."),
    ]
    add(reply, "You.")
    assert [(each.text, each.start, each.end) for each in reply.captions()] == [("You.", 2000, 3000)]
    assert reply.clauses == 2


def test_captions_of_a_clause_go_as_far_as_its_audio() -> None:
    reply = Spoken()
    reply.clause("One two three.", "One two three.")
    assert reply.captions() == []
    reply.audio(SECOND, [Mark(0, 3, SECOND)])
    assert [each.written for each in reply.captions()] == ["One"]
    reply.audio(2 * SECOND, [Mark(4, 7, 2 * SECOND), Mark(8, 14, 3 * SECOND)])
    assert [(each.written, each.end) for each in reply.captions()] == [
        ("One", 1000), (" two", 2000), (" three.", 3000),
    ]  # fmt: skip


written = st.lists(
    st.text(alphabet="ab1 *_`[]()\n.,#你。", max_size=30).map(str.strip).filter(bool), min_size=1, max_size=5
)


@given(written, st.lists(st.integers(0, 40_000), min_size=2, max_size=8))
def test_more_is_heard_as_time_goes_by_and_always_a_beginning(texts: list[str], times: list[int]) -> None:
    reply = Spoken()
    for text in texts:
        add(reply, text, speakable(text), pause=77)
    whole = reply.heard(reply.milliseconds)
    assert "".join(whole.split()) == "".join("".join(texts).split())
    before = reply.heard(0)
    assert not any(map(speakable, texts)) or before == ""
    for time in sorted(times):
        heard = reply.heard(time)
        assert heard.startswith(before)
        assert whole.startswith(heard)
        before = heard


@given(written)
def test_captions_of_a_clause_are_all_that_was_written_for_it(texts: list[str]) -> None:
    reply = Spoken()
    for text in texts:
        spoken = speakable(text)
        add(reply, text, spoken)
        if captions := reply.captions():
            assert "".join(each.written for each in captions) == text
            assert [each.start for each in captions][1:] == [each.end for each in captions][:-1]
