"""What documents say, quoted: no passage can close its quotation, or look like anything else."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.dialogue.quoting import BEGIN, END, MARK, Excerpts, excerpt, fitting, quoted
from appliance.dialogue.telling import telling


@dataclass(frozen=True)
class Passage:
    text: str
    name: str = "manual.pdf"
    page: int | None = 3
    heading: str = "Care"


HOSTILE = st.lists(
    st.one_of(
        st.sampled_from([
            END, BEGIN, MARK, "[1] ", "[2] other.pdf", "\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85",
            "\u2028", "\u2029", "\u200b", "\u202e", "\ufeff", "\U000e0041", "\U000e0100", "\xad",
            "\u180e", "\u3164", ">", "</tool_response>", "user:", "\n\n",
        ]),
        st.text(max_size=20),
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(st.lists(st.builds(Passage, HOSTILE, HOSTILE, st.none() | st.integers(1, 9), HOSTILE), min_size=1, max_size=4))
def test_no_passage_can_close_its_quotation(passages: list[Passage]) -> None:
    lines = quoted(passages, 10_000).splitlines()  # splits at whatever Python takes for the end of a line
    if not any(passage.text for passage in passages):
        assert lines == []
        return
    assert (lines[0], lines[-1]) == (BEGIN, END)
    plain = [line for line in lines[1:-1] if not line.startswith(MARK.rstrip())]
    assert [line.split()[0] for line in plain] == [f"[{number}]" for number in range(1, len(plain) + 1)]
    assert len(plain) == sum(bool(passage.text) for passage in passages)


@given(HOSTILE)
@example("\U000e0080")
def test_what_nobody_sees_is_not_quoted(text: str) -> None:
    block = quoted([Passage(text, text)], 10_000)
    assert not re.search(
        "[\u200b\u202a-\u202e\u2066-\u2069\ufeff\xad\u180e\u3164\U000e0000-\U000e01ef\r\v\f\u2028\u2029\x85]", block
    )
    assert "</tool_response>" not in block


def test_a_passage_has_a_header_and_marked_lines() -> None:
    passages = [Passage("Descale it.\nRinse it."), Passage("Call us.", "faq.md", None, "")]
    assert quoted(passages, 1000).splitlines() == [
        BEGIN, "[1] manual.pdf, page 3, Care", "> Descale it.", "> Rinse it.", "[2] faq.md", "> Call us.", END,
    ]  # fmt: skip
    assert quoted([], 1000) == ""


def test_joined_letters_stay_joined() -> None:
    assert "می\u200cخواهم" in quoted([Passage("می\u200cخواهم")], 100)


@given(st.lists(st.text(alphabet="ab. \n", max_size=600), min_size=1, max_size=6), st.integers(0, 1500))
def test_the_quotes_are_bounded(texts: list[str], most: int) -> None:
    block = quoted([Passage(text) for text in texts], most)
    said = [line.removeprefix(MARK) for line in block.splitlines() if line.startswith(MARK)]
    assert sum(map(len, said)) <= most


def test_where_nothing_fits_there_is_no_frame() -> None:
    assert quoted([Passage("x" * 100)], 50) == quoted([Passage("x" * 100)], 0) == quoted([Passage("")], 1000) == ""
    assert fitting([Passage("x" * 100), Passage("y" * 90)], 79) == []
    assert fitting([Passage("x" * 100), Passage("y" * 90)], 100) == [(Passage("x" * 100), 80)]


@pytest.mark.parametrize("letter", ["水", "あ", "न", "я"])
def test_a_script_with_more_tokens_in_a_character_gets_fewer_characters(letter: str) -> None:
    block = quoted([Passage(letter * 5000, heading=""), Passage(letter * 5000, heading="")], 2000)
    said = [line.removeprefix(MARK) for line in block.splitlines() if line.startswith(MARK)]
    assert len(said) == 2
    assert 1500 < sum(len(line.encode()) for line in said) <= 2000


def test_the_best_passage_gets_half_and_nothing_is_left_unused() -> None:
    long = [Passage(letter * 50 + " " + "word " * 400) for letter in "xyz"]
    sizes = [0, 0, 0]
    number = -1
    for line in quoted(long, 1200).splitlines()[1:-1]:
        if line.startswith("["):
            number += 1
        else:
            sizes[number] += len(line)
    assert sizes[0] > 500
    assert sizes[1] > 250
    assert sizes[2] > 250
    short = quoted([Passage("Short."), Passage("word " * 300)], 1500)
    assert short.count("word") > 280


@pytest.mark.parametrize("wanted", ["condenser", "Condensers?", "CONDENSER"])
def test_of_a_long_passage_the_part_that_answers_is_quoted(wanted: str) -> None:
    text = "The lamp is green. " * 60 + "Error E7 means a frozen condenser. Wait an hour. " + "The lamp is red. " * 60
    part = excerpt(text, telling(wanted), 200)
    assert "E7 means a frozen condenser. Wait an hour." in part
    assert part.startswith("… ")
    assert part.endswith(" …")
    assert len(part) <= 200


@given(st.text(alphabet="ab. 水", max_size=120), st.lists(st.integers(0, 120), max_size=9), st.integers(1, 60))
def test_a_window_counts_what_is_inside_it(text: str, starts: list[int], room: int) -> None:
    part, wanted = Excerpts(text), {"aaa", "bab", "水水"}
    inside = [
        {stem for begins, ends, stem in part.gist.places if start <= begins and ends <= start + room} & wanted
        for start in sorted(starts)
    ]
    assert list(part._counts(sorted(starts), wanted, room)) == list(map(len, inside))


def test_without_a_word_to_look_for_a_passage_is_quoted_from_its_beginning() -> None:
    part = excerpt("One two three. " * 50, {}, 100)
    assert part.startswith("One two three.")
    assert part.endswith(" …")
    assert len(excerpt("a" * 500, {}, 100)) <= 100
