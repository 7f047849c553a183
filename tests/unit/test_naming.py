"""Naming the sources of a spoken reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.dialogue.naming import named, nameless
from appliance.jobs import Source
from appliance.web.wire_citations import FileCitation, cited


def source(name: str, page: int | None = None, start: int = 0, end: int = 5) -> Source:
    return Source(document="file_1", name=name, page=page, start=start, end=end)


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ([], ""),
        ([source("coffee-machine_manual.pdf", 3)], " Source: coffee machine manual, page 3."),
        ([source("House Rules.v2.docx")], " Source: House Rules v2."),
        ([source("a.md"), source("a.md")], " Source: a."),
        ([source("a.pdf", 1), source("a.pdf", 2), source("b.md")], " Sources: a, page 1, and a, page 2."),
        ([source("___.pdf")], " Source: document."),
        ([source("two\nlines\u202e.txt")], " Source: two lines."),
    ],
)
def test_at_most_two_places_are_named(sources: list[Source], said: str) -> None:
    assert named(sources) == said


@given(
    st.text(max_size=60).filter(lambda text: "Source" not in text), st.text(max_size=30), st.none() | st.integers(1, 99)
)
def test_what_was_named_can_be_taken_away(reply: str, name: str, page: int | None) -> None:
    assert nameless(reply + named([source(name, page)])) == reply.rstrip()


def test_other_words_about_sources_stay() -> None:
    for reply in ("The source: a river.", "Source: unknown.\nSo I do not know.", "Resources: many."):
        assert nameless(reply) == reply


def test_of_a_reply_that_was_cut_what_was_heard_stays_cited() -> None:
    sources = [source("a", None, 0, 10), source("b", None, 11, 20), source("c", None, 21, 30)]
    assert [(each.name, each.end) for each in cited(sources, "x" * 15)] == [("a", 10), ("b", 15)]
    assert cited(sources, "") == []


def test_a_citation_keeps_all_of_a_source() -> None:
    whole = Source(document="d", name="n", page=2, heading="h", ordinal=4, quote="q", start=5, end=9)
    assert FileCitation.of(whole).source == whole
    assert FileCitation.of(whole, 5).source == Source(
        document="d", name="n", page=2, heading="h", ordinal=4, quote="q", start=0, end=4
    )
