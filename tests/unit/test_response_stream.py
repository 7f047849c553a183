"""A response and its events from the parts of a generation, without a box around them."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from appliance.errors import EngineDown, InternalError, RequestError
from appliance.jobs import (
    AnyPart,
    Arguments,
    Called,
    Generated,
    Likelihood,
    Thought,
    Token,
    TokenLikelihood,
)
from appliance.web.response_stream import ResponseStream
from appliance.web.wire_response_body import ResponseBody
from appliance.web.wire_responses import ResponseRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.web.wire_response_events import Event

OFFICIAL: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def end(reason: Any = "stop") -> Generated:
    return Generated(finish_reason=reason, prompt_tokens=7, completion_tokens=5, cached_tokens=3, thought_tokens=2)


def fresh(**request: Any) -> ResponseStream:
    numbers = count()
    body = ResponseBody.begun(ResponseRequest(**request), "resp_1", "brain", 1000.5)
    return ResponseStream(body, lambda: 1002.5, lambda prefix: f"{prefix}_{next(numbers)}")


def played(parts: Sequence[AnyPart], stream: ResponseStream | None = None) -> list[dict[str, Any]]:
    """Events as JSON has them, each of them checked against the official types."""
    stream = stream or fresh()
    happened: list[Event] = [*stream.begin(), *(event for part in parts for event in stream.take(part))]
    return seen(happened)


def seen(happened: Sequence[Event]) -> list[dict[str, Any]]:
    raw = [msgspec.json.decode(msgspec.json.encode(event)) for event in happened]
    for event in raw:
        OFFICIAL.validate_python(event)
    return raw


def types(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_text_event_by_event() -> None:
    events = played([Token(text="Good "), Token(text="day"), end()])
    assert types(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["delta"] for event in events if "delta" in event] == ["Good ", "day"]
    assert {event["item_id"] for event in events if "item_id" in event} == {"msg_0"}
    assert {event["output_index"] for event in events if "output_index" in event} == {0}
    assert events[0]["response"]["status"] == events[1]["response"]["status"] == "in_progress"
    assert events[0]["response"]["output"] == []
    assert events[2]["item"] == {
        "type": "message", "id": "msg_0", "role": "assistant", "content": [], "status": "in_progress"
    }  # fmt: skip
    assert events[6]["text"] == "Good day"
    response = events[-1]["response"]
    assert (response["status"], response["created_at"], response["completed_at"]) == ("completed", 1000, 1002)
    assert response["output"] == [events[-2]["item"]]
    assert response["output"][0]["content"] == [
        {"type": "output_text", "text": "Good day", "annotations": [], "logprobs": []}
    ]
    assert response["usage"] == {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 12,
    }
    Response.model_validate(response)


def test_thoughts_then_text_then_two_calls() -> None:
    parts: list[AnyPart] = [
        Thought(text="Let me "),
        Thought(text="see."),
        Token(text="One moment."),
        Called(index=0, id="call_a", name="weather"),
        Arguments(index=0, text='{"city":'),
        Arguments(index=0, text='"Rome"}'),
        Called(index=1, id="call_b", name="clock"),
        Arguments(index=1, text="{}"),
        end("tool_calls"),
    ]
    events = played(parts)
    assert types(events)[2:] == [
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    reasoning, message, first, second = events[-1]["response"]["output"]
    assert reasoning["content"] == [{"type": "reasoning_text", "text": "Let me see."}]
    assert (reasoning["summary"], reasoning["id"]) == ([], "rs_0")
    assert message["content"][0]["text"] == "One moment."
    assert (first["id"], first["call_id"], first["name"]) == ("fc_2", "call_a", "weather")
    assert first["arguments"] == '{"city":"Rome"}'
    assert (second["call_id"], second["arguments"], second["status"]) == ("call_b", "{}", "completed")
    added = [event for event in events if event["type"] == "response.output_item.added"]
    assert [event["output_index"] for event in added] == [0, 1, 2, 3]
    assert {event["item"]["status"] for event in added} == {"in_progress"}


def test_a_reply_that_is_cut_off_is_incomplete() -> None:
    events = played([Thought(text="Hm."), Token(text="Once upon"), end("length")])
    response = events[-1]["response"]
    assert events[-1]["type"] == "response.incomplete"
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["completed_at"] is None
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete"]


def test_cut_off_in_thought_there_is_no_message() -> None:
    response = played([Thought(text="Hm."), end("length")])[-1]["response"]
    assert [item["type"] for item in response["output"]] == ["reasoning"]


@pytest.mark.parametrize("thoughts", [[], [Thought(text="Hm.")]])
def test_a_reply_without_a_word_is_a_message_without_a_word(thoughts: list[AnyPart]) -> None:
    response = played([*thoughts, Token(text=""), end()])[-1]["response"]
    assert response["output"][-1]["content"][0]["text"] == ""
    assert len(response["output"]) == len(thoughts) + 1


def test_figures_of_tokens() -> None:
    drawn = TokenLikelihood(Likelihood(b"\xf0", -0.5), [Likelihood("é".encode(), -1.5)])
    events = played([Token(text="a", likelihoods=[drawn, drawn]), Token(text="b", likelihoods=[drawn]), end()])
    by_type = {event["type"]: event for event in events}
    assert len(by_type["response.output_text.done"]["logprobs"]) == 3
    (part,) = events[-1]["response"]["output"][0]["content"]
    assert part["logprobs"][0]["bytes"] == [0xF0]
    assert part["logprobs"][0]["logprob"] == -0.5
    assert part["logprobs"][0]["top_logprobs"] == [{"token": "é", "bytes": [0xC3, 0xA9], "logprob": -1.5}]


def test_figures_of_no_text_open_no_message() -> None:
    drawn = TokenLikelihood(Likelihood(b"{", -0.5))
    parts: list[AnyPart] = [
        Called(index=0, id="call_a", name="clock"),
        Token(text="", likelihoods=[drawn]),
        Arguments(index=0, text="{}"),
        end("tool_calls"),
    ]
    assert [item["type"] for item in played(parts)[-1]["response"]["output"]] == ["function_call"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EngineDown("The stage went away."), "server_error"),
        (RequestError("Too long.", param="input"), "invalid_prompt"),
    ],
)
def test_failure_keeps_what_there_was(error: Any, code: str) -> None:
    stream = fresh()
    played([Thought(text="Hm."), Token(text="Once")], stream)
    told, failed = seen(stream.fail(error))
    assert stream.ended
    assert (told["type"], told["code"], told["message"], told["param"]) == (
        "error", error.code, error.message, error.param,
    )  # fmt: skip
    assert failed["sequence_number"] == told["sequence_number"] + 1
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {"code": code, "message": error.message}
    assert [item["status"] for item in failed["response"]["output"]] == ["completed", "incomplete"]
    assert failed["response"]["output"][1]["content"][0]["text"] == "Once"


def test_arguments_of_another_call_are_a_fault() -> None:
    stream = fresh()
    played([Called(index=0, id="a", name="f"), Called(index=1, id="b", name="f")], stream)
    with pytest.raises(InternalError):
        stream.take(Arguments(index=0, text="{}"))


@st.composite
def replies(draw: st.DrawFn) -> list[AnyPart]:
    parts: list[AnyPart] = []
    text = st.sampled_from(["", "a", "{é", " \n"])
    for kind in draw(st.lists(st.sampled_from(["thought", "text", "call"]), max_size=8)):
        if kind == "call":
            number = sum(isinstance(part, Called) for part in parts)
            parts.append(Called(index=number, id=f"call_{number}", name="f"))
            parts += [Arguments(index=number, text=piece) for piece in draw(st.lists(text, max_size=3))]
        else:
            parts.append(Thought(text=draw(text)) if kind == "thought" else Token(text=draw(text)))
    return [*parts, end(draw(st.sampled_from(["stop", "length", "tool_calls"])))]


@settings(deadline=None)
@given(replies())
def test_events_tell_what_the_response_holds(parts: list[AnyPart]) -> None:
    """Whoever listens to the events alone ends with the same items as the response at the end."""
    events = played(parts)
    grown: dict[int, str] = {}
    added: list[int] = []
    done: list[dict[str, Any]] = []
    for event in events:
        if event["type"] == "response.output_item.added":
            added.append(event["output_index"])
            grown[event["output_index"]] = ""
        elif "delta" in event:
            grown[event["output_index"]] += event["delta"]
        elif event["type"] == "response.output_item.done":
            done.append(event["item"])
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert added == list(range(len(done)))
    assert events[-1]["response"]["output"] == done
    for index, item in enumerate(done):
        text = item["arguments"] if item["type"] == "function_call" else item["content"][0]["text"]
        assert text == grown[index]
