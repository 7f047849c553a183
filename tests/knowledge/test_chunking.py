"""Blocks become passages: nothing is lost, nothing is too long, and each says where it is from."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.dialogue.words import words
from appliance.knowledge.block import Block, BlockKind
from appliance.knowledge.chunking import HEADING_CHARACTERS, MOST_CHARACTERS, MOST_WORDS, passages
from appliance.knowledge.passage import Passage
from appliance.knowledge.sentences import last_end, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

WORD = st.text(st.sampled_from("abcdeéß日本語สวัдж8-'\u0301"), min_size=1, max_size=12)
MARK = st.sampled_from([" ", " ", " ", " ", ". ", "! ", ", ", "。", "\n", "  "])
PROSE = st.lists(st.tuples(WORD, MARK), min_size=1, max_size=60).map(lambda pairs: "".join(map("".join, pairs)))
TEXT = PROSE | st.tuples(PROSE, st.integers(1, 12)).map(lambda pair: pair[0] * pair[1]) | st.text(max_size=40)


@st.composite
def documents(draw: st.DrawFn) -> list[Block]:
    page = 1
    blocks: list[Block] = []
    for text in draw(st.lists(TEXT, max_size=12)):
        page += draw(st.integers(0, 1))
        level = draw(st.none() | st.integers(0, 4))
        kind: BlockKind = draw(st.sampled_from(get_args(BlockKind)))
        last = next((block for block in reversed(blocks) if block.text.strip()), None)
        joined = level is None and last is not None and last.level is None and draw(st.booleans())
        blocks.append(Block(text, level, page, kind, joined=joined))
    return blocks


def whole(blocks: list[Block]) -> str:
    """The document's whole text, as `Passage` defines it."""
    text, kind = "", ""
    for block in blocks:
        if block.text.strip():
            between = "" if block.joined or not text else "\n" if block.kind == kind != "text" else "\n\n"
            text, kind = text + between + block.text, block.kind
    return text


@settings(max_examples=150, deadline=None)
@given(documents())
def test_passages_are_slices_within_the_limits_and_miss_nothing(blocks: list[Block]) -> None:
    found = list(passages(iter(blocks)))
    text = whole(blocks)
    seen = [character.isspace() for character in text]
    for passage in found:
        end = passage.start + len(passage.text)
        assert text[passage.start : end] == passage.text.strip() == passage.text != ""
        assert len(passage.text) <= MOST_CHARACTERS
        assert len(passage.text.split()) <= MOST_WORDS
        seen[passage.start : end] = [True] * len(passage.text)
    trails = " ".join(passage.heading for passage in found)
    for start, end in words(text):
        assert all(seen[start:end]) or all(part in trails for part in text[start:end].split()), text[start:end]
    assert [passage.ordinal for passage in found] == list(range(len(found)))
    pages = [passage.page or 0 for passage in found]
    assert pages == sorted(pages)
    assert all(before.start < after.start for before, after in itertools.pairwise(found))


@settings(max_examples=60, deadline=None)
@given(documents())
def test_a_passage_comes_before_the_document_is_over(blocks: list[Block]) -> None:
    read = 0

    def reading() -> Iterator[Block]:
        nonlocal read
        for block in itertools.chain(blocks, [Block("Word. " * 400)], [Block("x", kind="row")] * 3000):
            read += 1
            yield block

    next(passages(reading()))
    assert read <= len(blocks) + 1


def prose(count: int, word: str = "word") -> str:
    """`count` sentences of eight words, each of its own."""
    return " ".join(f"{word.capitalize()} number {at} of many is not the last." for at in range(count))


def outline(found: list[Passage]) -> list[tuple[str, str]]:
    return [(passage.heading, passage.text) for passage in found]


def test_a_heading_begins_a_passage_and_is_in_the_trail_of_all_below() -> None:
    found = list(
        passages(
            [
                Block("Manual", 1),
                Block("Setup", 2),
                Block("Power", 3),
                Block(prose(8, "volt")),
                Block("Network", 3),
                Block(prose(8, "cable")),
                Block("Use", 2),
                Block(prose(8, "button")),
            ]
        )
    )
    assert outline(found) == [
        ("Manual › Setup › Power", prose(8, "volt")),
        ("Manual › Setup › Network", prose(8, "cable")),
        ("Manual › Use", prose(8, "button")),
    ]


def test_short_sections_go_together_under_their_parent_only() -> None:
    found = list(
        passages(
            [
                Block("A", 1),
                Block(prose(9)),
                Block("One", 2),
                Block("First."),
                Block("Two", 2),
                Block("Second."),
                Block("B", 1),
                Block("Other."),
            ]
        )
    )
    assert outline(found) == [
        ("A", prose(9)),
        ("A", "One\n\nFirst.\n\nTwo\n\nSecond."),
        ("B", "Other."),
    ]


def test_a_long_section_is_cut_between_sentences_with_one_said_twice() -> None:
    found = list(passages([Block("A", 1), Block(prose(100))]))
    assert len(found) > 3
    for before, after in itertools.pairwise(found):
        assert after.text.startswith(before.text[before.text.rindex("Word number") :])
    assert all(passage.text.endswith("last.") for passage in found)


def test_rows_are_not_said_twice_nor_cut() -> None:
    rows = [f"Name: Person {at}\nCity: Springfield\nStreet: Evergreen Terrace {at}" for at in range(60)]
    found = list(passages([Block(row, kind="row") for row in rows]))
    assert len(found) > 1
    assert "\n".join(passage.text for passage in found) == "\n".join(rows)
    assert all(passage.text.startswith("Name:") for passage in found)


def test_a_short_rest_is_no_passage_of_its_own() -> None:
    for count in range(20, 60):
        assert all(len(passage.text.split()) >= 40 for passage in passages([Block(prose(count))]))


def test_what_looks_like_a_heading_but_is_long_is_text() -> None:
    (passage,) = passages([Block("long-winded " * (HEADING_CHARACTERS // 10), 1)])
    assert passage.heading == ""


def test_a_word_without_end_is_cut_but_not_before_an_accent() -> None:
    text = "e\u0301" * 5000
    found = list(passages([Block(text)]))
    assert "".join(passage.text for passage in found) == text
    assert all(passage.text[0] == "e" for passage in found)


def test_sentences_end_at_full_stops_that_are_not_of_abbreviations() -> None:
    text = "Dr. Who came, e.g. at 3.5 m.  He left! 日本語。です。\nA line"
    found = [text[start:end] for start, end in sentences(text)]
    assert found == ["Dr. Who came, e.g. at 3.5 m.  He left!", "日本語。", "です。", "A line"]
    assert text[: last_end(text)].endswith("です。\n")
    assert last_end("one two three") == 8
    assert last_end("x" * 10) == 10
