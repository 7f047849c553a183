"""Which passages a reply rests on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.dialogue import quoting
from appliance.dialogue.attribution import (
    ASKED,
    LEAST,
    MOST_QUOTE,
    MOST_SUPPORTS,
    NEW,
    SHARE,
    attribute,
    sentences,
)
from appliance.dialogue.telling import MOST_CHARACTERS, NUMBER, WORD, Gist, alike, gist, telling


@dataclass(frozen=True)
class Passage:
    text: str
    name: str = "manual.pdf"
    page: int | None = 3
    heading: str = ""


COFFEE = Passage(
    "The coffee machine has to be descaled every three months. Use the descaling liquid from the kitchen cupboard, one"
    " bottle for each run. The warranty ends after 24 months."
)
PUMP = Passage(
    "Error E7 means that the condenser is frozen. Switch the pump off for an hour.", heading="Heat pump › Faults"
)
WIFI = Passage("The guests' network is called Birkenhof. Its password is on the back of the router in the hall.")
KAFFEE = Passage("Die Kaffeemaschine muss alle drei Monate entkalkt werden. Den Entkalker gibt es in der Teeküche.")
TOKYO = Passage("受付は九階にあります。会議室の鍵は受付で受け取ってください。")
HOUSE = [COFFEE, PUMP, WIFI, KAFFEE, TOKYO]

RESTS = [
    ("How often must I descale it?", "The coffee machine should be descaled every three months.", 0),
    ("How often must I descale it?", "You should run a descaling of your coffee maker each three months or so.", 0),
    ("How long is the warranty?", "It lasts 24 months.", 0),
    ("Where is the liquid?", "It is in the kitchen cupboard.", 0),
    ("What does E7 mean?", "The condenser is frozen.", 1),
    ("What does error E7 mean?", "Error E7 means a frozen condenser, so switch off the pump.", 1),
    ("What shall I do about E7?", "Switch the pump off for one hour.", 1),
    ("How do guests get online?", "They use the network Birkenhof.", 2),
    ("What is the password?", "You find it on the back of the router.", 2),
    ("Wie oft entkalke ich?", "Alle drei Monate muss die Kaffeemaschine entkalkt werden.", 3),
    ("Wo ist der Entkalker?", "Sie finden den Entkalker in der Teeküche.", 3),
    ("受付はどこですか。", "受付は九階にあります。", 4),
]
RESTS_ON_NOTHING = [
    ("Is it on?", "Yes."),
    ("Hello!", "Hello! How can I help you today?"),
    ("Tell me a joke.", "Why did the chicken cross the road? To get to the other side."),
    ("Who was Marie Curie?", "She was a physicist from Warsaw who found radium."),
    ("How often must I descale the coffee machine?", "I do not know how often the coffee machine has to be descaled."),
    ("What does error E7 mean?", "I am sorry, but I cannot find what error E7 means."),
    ("How do I make coffee?", "Grind fresh beans, heat water to ninety degrees, pour slowly and wait while it drips."),
    ("What is a router?", "A router is a small computer that passes packets between the parts of the internet."),
    ("Was ist Kaffee?", "Kaffee ist ein Getränk aus gerösteten Bohnen, das viele Menschen am Morgen trinken."),
]  # fmt: skip

STEPS = Passage("1. Fill the tank. 2. Add 3 spoons of descaler. 3. Switch the machine on for 20 minutes.")
TANK = Passage("Die Kaffeemaschine sagt, wann man den Tank leeren muss: alle 2 Tage. Wasser kommt hinten in den Tank.")
RESTS_ON_NUMBERS = [
    ("How long is it on?", "It is on for 20 minutes.", STEPS),
    ("How many spoons are added?", "Add 3.", STEPS),
    ("How do I descale it?", "1. Fill the tank. 2. Add 3 spoons of descaler.", STEPS),
    ("Wie oft leere ich den Tank?", "Alle 2 Tage.", TANK),
    ("How many months is the warranty?", "24.", COFFEE),
]
RESTS_ON_NO_NUMBER = [
    ("How do I make pancakes?", "1. Mix flour and milk. 2. Heat a pan."),
    ("How do I make pancakes?", "**1.** Mix flour and milk.\n**2.** Heat a pan."),
    ("How do I make pancakes?", "1) Mix flour and milk.\n2) Heat a pan."),
    ("How long does tea take?", "It takes 3 minutes."),
    ("How many airports has Paris?", "Paris has 2 airports."),
    ("How many airports has Paris?", "2."),
    ("Welche Farbe hat er?", "In der Anleitung der Kaffeemaschine steht leider nichts über die Farbe vom Tank."),
]


@pytest.mark.parametrize(("question", "reply", "passage"), RESTS_ON_NUMBERS)
def test_a_small_number_counts_with_its_neighbours(question: str, reply: str, passage: Passage) -> None:
    assert [each.passage for each in attribute(reply, [passage], question)] == [0]


@pytest.mark.parametrize(("question", "reply"), RESTS_ON_NO_NUMBER)
def test_a_small_number_or_a_german_noun_alone_is_no_source(question: str, reply: str) -> None:
    assert attribute(reply, [STEPS, TANK], question) == []


@pytest.mark.parametrize(("question", "reply", "passage"), RESTS)
def test_a_sentence_rests_on_the_passage_that_it_shares_most_with(question: str, reply: str, passage: int) -> None:
    (found,) = attribute(reply, HOUSE, question)
    assert found.passage == passage
    assert reply[found.start : found.end] == reply
    assert found.quote in HOUSE[passage].text


@pytest.mark.parametrize(("question", "reply"), RESTS_ON_NOTHING)
def test_what_documents_do_not_say_rests_on_nothing(question: str, reply: str) -> None:
    assert attribute(reply, HOUSE, question) == []


def margins() -> tuple[list[float], list[float]]:
    """What the right passage has of each sentence, against what is needed; and the most that any has of the others."""

    def against(question: str, sentence: str, passage: Passage) -> float:
        asked, said = telling(question), telling(f"{passage.heading}\n{passage.text}")
        worth = {stem: each * (ASKED if stem in asked else 1) for stem, each in telling(sentence).items()}
        shared = {stem: each for stem, each in worth.items() if stem in said}
        new = sum(each for stem, each in shared.items() if stem not in asked)
        total = sum(shared.values())
        return min(total / LEAST, total / (SHARE * sum(worth.values())), new / NEW) if worth else 0.0

    good = [against(question, reply, HOUSE[number]) for question, reply, number in RESTS]
    bad = [max(against(question, reply, each) for each in HOUSE) for question, reply in RESTS_ON_NOTHING]
    return good, bad


def test_the_threshold_lies_between_what_rests_and_what_does_not() -> None:
    good, bad = margins()
    assert min(good) >= 1.0
    assert max(bad) < 1.0


def test_each_sentence_has_its_own_source() -> None:
    reply = "Descale the coffee machine every three months. Hello there. Error E7 means a frozen condenser."
    found = attribute(reply, HOUSE)
    assert [(each.passage, reply[each.start : each.end]) for each in found] == [
        (0, "Descale the coffee machine every three months."), (1, "Error E7 means a frozen condenser."),
    ]  # fmt: skip


def test_neighbours_count_together_and_others_do_not() -> None:
    first, second = "Descale the machine every three months.", "The descaling liquid is in the kitchen cupboard."
    together = f"{first} {second}"
    assert [(each.start, each.end) for each in attribute(together, HOUSE)] == [(0, len(together))]
    apart = f"{first} Have a nice day! {second}"
    assert [apart[each.start : each.end] for each in attribute(apart, HOUSE)] == [first, second]


def test_one_sentence_may_rest_on_two_passages() -> None:
    reply = (
        "Descale the coffee machine every three months, and if error E7 comes, switch off the pump for its condenser."
    )
    assert [each.passage for each in attribute(reply, HOUSE)] == [1, 0]


def test_the_same_passage_twice_counts_once() -> None:
    assert [each.passage for each in attribute("Error E7 means a frozen condenser.", [PUMP, PUMP])] == [0]


def test_a_quote_is_the_part_that_is_shared_and_bounded() -> None:
    long = Passage("The lamp is green. " * 80 + PUMP.text + " The lamp is red." * 80)
    (found,) = attribute("Error E7 means a frozen condenser.", [long])
    assert "condenser is frozen" in found.quote
    assert len(found.quote) <= MOST_QUOTE


def test_each_passage_is_read_once_however_much_rests_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(text: str) -> Gist:
        read.append(text)
        return gist(text)

    monkeypatch.setattr(quoting, "gist", counted)
    rows = [Passage("\n".join(f"item{row} box{row} shelf{number}" for row in range(90))) for number in range(20)]
    reply = " ".join(f"It is item{row} in box{row} of shelf{row % 20}. Fine." for row in range(90))
    found = attribute(reply, rows)
    assert len(found) == MOST_SUPPORTS
    assert all(f"item{row} box{row}" in each.quote for row, each in enumerate(found[:5]))
    assert len(read) == len(rows)


def test_texts_without_a_word_or_an_end_are_looked_at_once() -> None:
    dots = "." * 1_000_000  # a pattern that begins at each of them again would take hours
    assert list(sentences(dots)) == [(0, len(dots))]
    assert len(gist("水" * 10_000_000).places) < MOST_CHARACTERS
    assert telling("1" * 10_000_000).keys() == {"1" * 32}
    one, other = ([f"{letter}{number}" for number in range(100_000)] for letter in "ab")
    assert not alike(one, other)  # 20 thousand millions of pairs
    assert alike([*one, "b7"], other)
    assert alike(["filt"], ["filte"])
    assert alike(["filte"], ["filt"])


@given(st.text(max_size=300), st.lists(st.builds(Passage, st.text(max_size=200)), max_size=4), st.text(max_size=40))
def test_it_is_always_the_same_and_inside_the_reply(reply: str, passages: list[Passage], question: str) -> None:
    found = attribute(reply, passages, question)
    assert found == attribute(reply, passages, question)
    for each in found:
        assert 0 <= each.start < each.end <= len(reply)
        assert each.passage < len(passages)


@given(st.text(alphabet="aB1. !?\n…。", max_size=80))
def test_sentences_lose_nothing_but_spaces(text: str) -> None:
    assert "".join("".join(text[a:b] for a, b in sentences(text)).split()) == "".join(text.split())


def test_what_numbers_a_list_belongs_to_the_sentence_behind_it() -> None:
    text = "**1.** Mix it. **2.** Heat it.\n3) Eat it in 24. 4. Rest."
    assert [text[a:b] for a, b in sentences(text)] == [
        "**1.** Mix it.", "**2.** Heat it.", "3) Eat it in 24. 4. Rest.",
    ]  # fmt: skip


def test_abbreviations_end_no_sentence() -> None:
    text = "Ask Dr. Berg. It costs 3.50 euros, e.g. in May."
    assert [text[a:b] for a, b in sentences(text)] == ["Ask Dr. Berg.", "It costs 3.50 euros, e.g. in May."]


def test_words_are_compared_by_their_stems_and_numbers_weigh_more() -> None:
    assert telling("Descaling descaled DESCALE").keys() == {"desca"}
    assert telling("Filter Filtern filters").keys() == {"filte"}
    assert telling("pump pumps").keys() == {"pump"}
    assert telling("It is 24 degrees")["24"] == NUMBER > WORD
    assert telling("the and with und ist la is") == {}
    assert telling("Café").keys() == telling("cafe").keys()
