"""Naming the sources of a spoken reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.dialogue.naming import named, nameless, said_before
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


def naming(reply: str, name: str = "a.md", page: int | None = None) -> tuple[str, list[Source]]:
    """A reply that names its source, and what is kept of that."""
    sources = [source(name, page)]
    return reply + named(sources), [replace(each, named=said_before(reply)) for each in sources]


@given(st.text(max_size=60), st.text(max_size=30), st.none() | st.integers(1, 99), st.integers(0, 130))
def test_what_was_named_can_be_taken_away_however_little_was_heard(
    reply: str, name: str, page: int | None, end: int
) -> None:
    said, sources = naming(reply, name, page)
    assert nameless(said, sources) == reply.rstrip()
    assert nameless(said[:end], sources).rstrip() == reply[:end].rstrip()
    heard = " ".join(said.split())  # what is heard of a reply does not have its line breaks
    assert nameless(heard, sources) == " ".join(reply.split())


def test_words_about_sources_that_the_model_wrote_stay() -> None:
    reply = "There are two. Sources: the Danube springs at Donaueschingen."
    for sources in ([], [source("a.md")]):
        assert nameless(reply, sources) == reply
    said, sources = naming(reply)
    assert nameless(said, sources) == reply
    assert nameless(f"{reply} Source:", sources) == reply


def test_a_message_full_of_spaces_is_looked_at_once() -> None:
    words = "x" + " " * 1_000_000 + "x"  # a pattern that tries each of them again would take hours
    assert nameless(words, []) == words
    assert nameless(words, [replace(source("a"), named=1)]) == "x"


def test_of_a_reply_that_was_cut_what_was_heard_stays_cited() -> None:
    sources = [source("a", None, 0, 10), source("b", None, 11, 20), source("c", None, 21, 30)]
    assert [(each.name, each.end) for each in cited(sources, "x" * 15)] == [("a", 10), ("b", 15)]
    assert cited(sources, "") == []


def test_a_citation_keeps_all_of_a_source() -> None:
    whole = Source(document="d", name="n", page=2, heading="h", ordinal=4, quote="q", start=5, end=9, named=7)
    assert FileCitation.of(whole).source == whole
    assert FileCitation.of(whole, 5).source == Source(
        document="d", name="n", page=2, heading="h", ordinal=4, quote="q", start=0, end=4, named=7
    )
