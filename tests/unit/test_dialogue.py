"""Stop strings, subtitles, prompts, names, errors: rules without any model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.callers.names import Names
from appliance.dialogue.prompt import build, messages
from appliance.engines.llama.text import TextStream
from appliance.errors import CODES, ApplianceError, EngineDown, NotFound, RequestError, from_code, one_error
from appliance.jobs import Message, Segment, Source, ToolCall
from appliance.store.items import Item
from appliance.web.subtitles import srt, vtt


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


def test_a_prompt_goes_on_from_a_question() -> None:
    history = [
        Item(id="0", role="assistant", words="and so on"),
        Item(id="1", words="Weather?"),
        Item(id="2", kind="reasoning", role="assistant", text="hm"),
        Item(id="3", kind="function_call", role="assistant", call_id="c", name="look", text="{}"),
        Item(id="4", kind="function_call", role="assistant", call_id="d", name="look", status="incomplete"),
        Item(id="5", kind="function_call_output", call_id="c", text="rain"),
        Item(id="6", kind="function_call_output", call_id="d", text="sun"),
        Item(id="7", role="assistant", words=""),
    ]
    assert build("rule", history, "now") == [
        Message("system", "rule"),
        Message("user", "Weather?"),
        Message("assistant", "", tool_calls=[ToolCall("c", "look", "{}")]),
        Message("tool", "rain", tool_call_id="c"),
        Message("user", "now"),
    ]
    assert build("", history[:1], "now") == [Message("user", "now")]


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


def test_a_prompt_has_no_sources_that_a_reply_named_aloud() -> None:
    source = Source(document="file_1", name="a.md", start=0, end=12, named=11)
    said = Item(id="1", role="assistant", words="Drain it all. Source: a.", sources=[source])
    assert messages("", [said]) == [Message("assistant", "Drain it all.")]
