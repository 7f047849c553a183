"""Where a text that is still being written is cut, in any language, however it comes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.dialogue.clauses import FIRST_MAX, GROWTH, LATER_MAX, SECOND_MAX, Clauses, split

OPENING = "Yes. "
"""A first clause, so that what comes after it is a later one."""


def test_the_first_clause_is_short_and_later_ones_longer() -> None:
    text = "Well of course, Paris is the capital of France, as you know. It is old. "
    text += "Many people, young and old, visit it each year, and why not."
    assert split(text) == [
        "Well of course,",
        "Paris is the capital of France, as you know.",
        "It is old. Many people, young and old, visit it each year, and why not.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "It costs 3.5 euros",
        "That is 1,000,000 people",
        "At 10:30 or at 9.15",
        "Ask Dr. Smith and Mrs. Jones",
        "e.g. this one",
        "J. R. R. Tolkien",
        "А. С. Пушкин",
        "See No. 5 here",
        "z. B. hier und d. h. da",
        "am 3. Mai",
        "M. Dupont et Mme. Durand",
        "la Sra. García",
        "apples etc. are fine",
        "Mt. Everest is high",
        "On Dec. 25 we rest",
        "See Sec. 4 of it",
        "On 5th Ave. in town",
        "About 10 min. later",
        "Max. 5 people",
        "Ask Sen. Smith et al. for it",
        "Go to https://example.org/a,b:c.d?e=f!g now",
        "mail jo.doe@mail.example.com now",
        "[The page; read it. Now](https://example.org)",
        "1. First",
        "Wait... what",
    ],
)
def test_no_cut_inside(text: str) -> None:
    assert split(text) == [text]


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("No. I will not.", ["No.", "I will not."]),
        ("Plums etc. Then pears.", ["Plums etc.", "Then pears."]),
        ("It was Max. He left.", ["It was Max.", "He left."]),
        ("In 10 min. They go.", ["In 10 min.", "They go."]),
        ("- one\n- two\n\nthree", ["- one", "- two", "three"]),
        ("He said “Go!” And went.", ["He said “Go!”", "And went."]),
        ("**Stop.** Now go.", ["**Stop.**", "Now go."]),
        ("你好！我是你的助手。", ["你好！", "我是你的助手。"]),
        ("「好。」他说。", ["「好。」", "他说。"]),
        ("今天天气很好，我们去公园。", ["今天天气很好，", "我们去公园。"]),
        ("現在10：30です。", ["現在10：30です。"]),
        ("नमस्ते। आप कैसे हैं?", ["नमस्ते।", "आप कैसे हैं?"]),
        ("नमः॥ शिवाय", ["नमः॥", "शिवाय"]),
        ("كيف حالك؟ بخير", ["كيف حالك؟", "بخير"]),
        ("مرحبا يا صديقي، كيف حالك", ["مرحبا يا صديقي،", "كيف حالك"]),
        ("네. 알겠습니다.", ["네.", "알겠습니다."]),
    ],
)
def test_cuts(text: str, clauses: list[str]) -> None:
    assert split(text) == clauses


def test_a_first_clause_ends_before_a_word_that_turns() -> None:
    clauses = Clauses()
    assert clauses.feed("Plants need water because") == []
    assert clauses.feed(" they") == ["Plants need water"]
    assert split("Blue or red but so green.") == ["Blue or red but so green."]


def test_a_first_clause_may_be_a_phrase() -> None:
    text = "It is the light of the sun that is scattered"
    hurried, calm = Clauses(phrases=True), Clauses()
    assert hurried.feed(text) == ["It is the light of the sun"]
    assert calm.feed(text) == []
    assert Clauses(phrases=True).feed("It is the sea. ") == ["It is the sea."]
    later = Clauses(phrases=True)
    later.feed(OPENING)
    assert later.feed(f"{text}. ") == [f"{text}."]


def test_a_text_without_marks_is_cut_before_a_word_that_joins() -> None:
    text = "This is one of those things of which I know a little and of which you say that I know it all"
    assert split(f"{OPENING}{text}")[1:] == [
        "This is one of those things of which I know a little",
        "and of which you say that I know it all",
    ]


def test_a_comma_ends_a_later_clause_only_where_it_has_to() -> None:
    start = "It is not that there were any such, or so I heard"
    assert split(f"{OPENING}{start}.") == ["Yes.", f"{start}."]
    assert split(f"{OPENING}{start} from somebody else who knows.")[1:] == [
        "It is not that there were any such,",
        "or so I heard from somebody else who knows.",
    ]


def test_a_script_without_spaces_is_cut_at_a_length_and_never_before_an_accent() -> None:
    clauses = split("ที่นี่" * 60)
    assert len(clauses) > 2
    assert {clause[0] for clause in clauses} <= set("ทน")


def test_a_character_that_is_a_syllable_counts_as_three() -> None:
    assert len(split("好" * 100)[0]) == FIRST_MAX // 3


def test_a_clause_is_there_as_soon_as_it_is_certain() -> None:
    clauses = Clauses()
    assert clauses.feed("Yes, it is.") == []
    assert clauses.feed(" ") == ["Yes, it is."]
    assert clauses.feed("It took 3.") == []
    assert clauses.feed("5 days in all, or more") == []
    assert clauses.feed(".\n") == ["It took 3.5 days in all, or more."]
    assert clauses.feed("And") == clauses.feed(" so") == []
    assert clauses.finish() == ["And so"]


def test_no_clause_is_so_long_that_its_voice_would_come_late() -> None:
    words = "word " * 400
    clauses = split(OPENING + words)
    assert len(clauses[1]) <= SECOND_MAX
    for before, after in pairwise(clauses):
        assert len(after) <= min(LATER_MAX, max(SECOND_MAX, GROWTH * len(before)))
    assert max(map(len, clauses)) > SECOND_MAX


texts = st.text(
    alphabet=st.one_of(st.sampled_from("ab Mr.,:;!?…\n\"')]*`[3E。！？，、」你い।،؟ำ"), st.characters(codec="utf-8")),
    max_size=500,
)


@given(texts, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_nothing_is_lost_and_the_cuts_do_not_depend_on_how_the_text_comes(text: str, steps: list[int]) -> None:
    clauses = Clauses()
    found: list[str] = []
    at = number = 0
    while at < len(text):
        step = steps[number % len(steps)]
        found += clauses.feed(text[at : at + step])
        at, number = at + step, number + 1
    found += clauses.finish()
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(clause and len(clause) <= max(FIRST_MAX, LATER_MAX) for clause in found)
    assert found == split(text)
