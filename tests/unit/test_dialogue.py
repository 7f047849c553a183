"""Clauses, spoken text, stop strings, subtitles, memory, names: rules without any model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.dialogue.clauses import FIRST_MAX, LATER_MAX, Clauses, split
from appliance.dialogue.prompt import build
from appliance.dialogue.spoken_text import speakable
from appliance.engines.llama.text import TextStream
from appliance.errors import CODES, ApplianceError, EngineDown, NotFound, RequestError, from_code, one_error
from appliance.jobs import Message, Segment
from appliance.store.conversations import Conversations
from appliance.web.names import Names
from appliance.web.subtitles import srt, vtt


def test_the_first_clause_is_short_and_later_ones_longer() -> None:
    text = "Well of course, Paris is the capital of France. It lies on the Seine. "
    text += "Many people visit it each year, and why not."
    assert split(text) == [
        "Well of course,",
        "Paris is the capital of France. It lies on the Seine.",
        "Many people visit it each year, and why not.",
    ]


@pytest.mark.parametrize("text", ["It costs 3.5 euros", "Ask Dr. Smith", "e.g. this one", "J. R. Tolkien"])
def test_no_cut_inside(text: str) -> None:
    assert split(text) == [text]


@given(st.text(alphabet=st.characters(codec="utf-8")), st.integers(1, 7))
def test_clauses_lose_nothing_and_are_bounded(text: str, step: int) -> None:
    clauses = Clauses()
    found = [clause for at in range(0, len(text), step) for clause in clauses.feed(text[at : at + step])]
    found += clauses.finish()
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(len(clause) <= max(FIRST_MAX, LATER_MAX) for clause in found)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Bold** and `code`", "Bold and code"),
        ("# Title\n- one\n- two", "Title one two"),
        ("See [the page](https://example.org/a/b).", "See the page."),
        ("Go to https://www.example.org/x?y=1", "Go to example.org"),
        ("Fine \U0001f600!", "Fine !"),
        ("```python\nprint(1)\n```", ""),
        ("a\x00b\x01", "a b"),
        ("***", ""),
    ],
)
def test_markup_is_not_spoken(written: str, said: str) -> None:
    assert speakable(written) == said


@given(st.text(max_size=60), st.text(min_size=1, max_size=4), st.integers(1, 5))
def test_text_stops_at_the_stop_string_however_it_is_cut(text: str, stop: str, step: int) -> None:
    stream, data = TextStream([stop]), text.encode("utf-8", "ignore")
    out = "".join(stream.feed(data[at : at + step]) for at in range(0, len(data), step)) + stream.finish()
    whole = data.decode()
    assert out == (whole[: whole.index(stop)] if stop in whole else whole)
    assert stream.stopped == (stop in whole)


def test_subtitles() -> None:
    segments = [Segment(id=0, start=0.0, end=3661.5, text=" Hello. ")]
    assert srt(segments) == "1\n00:00:00,000 --> 01:01:01,500\nHello.\n"
    assert vtt(segments) == "WEBVTT\n\n00:00:00.000 --> 01:01:01.500\nHello.\n"


def test_memory_is_bounded_and_the_oldest_goes() -> None:
    memory = Conversations(most=2, longest=4)
    for name in ("a", "b", "c"):
        memory.append(name, f"{name}?", f"{name}!")
    assert memory.history("a") == ()
    for number in range(5):
        memory.append("b", str(number), "x")
    assert [message.content for message in memory.history("b")] == ["3", "x", "4", "x"]
    assert build("rule", memory.history("c"), "now")[0] == Message("system", "rule")


def test_names() -> None:
    names = Names("whisper-base", "smol", {"joe": "en_US-joe-medium", "eva": "de-eva"})
    assert names.voice(None) == names.voice("alloy") == names.voice("en_US-joe-medium") == "joe"
    assert names.voice("alloy", "de-eva") == names.voice("eva") == "eva"
    with pytest.raises(NotFound):
        names.voice("bob")
    names.check_model("stt", "whisper-1")
    with pytest.raises(NotFound, match="whisper-base"):
        names.check_model("stt", "tts-1")


def test_errors_cross_a_border_whole() -> None:
    for code, (status, _) in CODES.items():
        error = from_code(code, "said", "field")
        assert (error.code, error.status, error.param, str(error)) == (code, status, "field", "said")
    with pytest.raises(ValueError, match="table"):
        RequestError("x", code="nonsense")


def test_one_error_of_many_is_raised_alone() -> None:
    with pytest.raises(EngineDown), one_error():
        raise BaseExceptionGroup("two", [ValueError("x"), BaseExceptionGroup("in", [EngineDown("down")])])
    with pytest.raises(BaseExceptionGroup), one_error():
        raise BaseExceptionGroup("none", [ValueError("x")])
    assert issubclass(EngineDown, ApplianceError)
