"""`/v1/responses` as OpenAI's own client uses it, with a scripted stage: replies, tools, state."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from scripted import ScriptedStage

from appliance.errors import EngineDown
from appliance.jobs import (
    Likelihood,
    Message,
    Token,
    TokenLikelihood,
    Tool,
    ToolCall,
)
from responses.responding import CITY, CUT, END, HELLO, TWO_CALLS, WEATHER


def test_a_text(client: openai.OpenAI, stage: ScriptedStage) -> None:
    response = client.responses.create(model="default", input="Hi", instructions="Be kind.", metadata={"a": "b"})
    assert stage.job.messages == [Message("system", "Be kind."), Message("user", "Hi")]
    assert (stage.job.priority, stage.job.thinking, stage.job.logprobs) == ("typed", None, None)
    assert (stage.job.max_tokens, stage.aborted) == (None, 0)
    assert response.output_text == "Hello there."
    assert (response.status, response.model, response.object) == ("completed", "brain", "response")
    assert (response.error, response.incomplete_details) == (None, None)
    assert response.id.startswith("resp_")
    (message,) = response.output
    assert message.type == "message"
    assert message.id.startswith("msg_")
    assert (message.role, message.status) == ("assistant", "completed")
    assert response.usage
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.total_tokens) == (7, 5, 12)
    assert response.usage.input_tokens_details.cached_tokens == 3
    assert response.usage.output_tokens_details.reasoning_tokens == 2
    assert response.completed_at
    assert response.completed_at >= response.created_at


def test_the_request_is_echoed(client: openai.OpenAI, stage: ScriptedStage) -> None:
    asked: dict[str, Any] = {
        "instructions": "Be kind.",
        "max_output_tokens": 40,
        "temperature": 0.25,
        "top_p": 0.5,
        "tools": [WEATHER],
        "tool_choice": {"type": "function", "name": "weather"},
        "parallel_tool_calls": False,
        "metadata": {"a": "b"},
        "truncation": "auto",
        "user": "me",
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", "name": "city", "schema": CITY, "strict": True}, "verbosity": "low"},
    }
    response = client.responses.create(model="brain", input="Hi", **asked).model_dump(by_alias=True)
    for name in set(asked) - {"tools", "text", "reasoning"}:
        assert response[name] == asked[name], name
    assert WEATHER.items() <= response["tools"][0].items()
    assert asked["text"]["format"].items() <= response["text"]["format"].items()
    assert response["reasoning"]["effort"] == "low"
    job = stage.job
    assert (job.max_tokens, job.sampling.temperature, job.sampling.top_p) == (40, 0.25, 0.5)
    assert job.tools == [Tool("weather", "Weather", CITY)]
    assert (job.tool_name, job.parallel_tool_calls, job.thinking, job.schema) == ("weather", False, True, CITY)


@pytest.mark.parametrize(
    ("asked", "field", "value"),
    [
        ({"text": {"format": {"type": "json_object"}}}, "json", True),
        ({"text": {"format": {"type": "text"}}}, "json", False),
        ({"reasoning": {"effort": "none"}}, "thinking", False),
        ({"reasoning": {"effort": "minimal"}}, "thinking", True),
        ({"reasoning": {"summary": "auto"}}, "thinking", None),
        ({"service_tier": "flex"}, "priority", "background"),
        ({"service_tier": "priority"}, "priority", "typed"),
        ({"include": ["message.output_text.logprobs"]}, "logprobs", 0),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 4}, "logprobs", 4),
        ({"include": ["reasoning.encrypted_content"], "top_logprobs": 4}, "logprobs", None),
        ({"tools": [WEATHER], "tool_choice": "required"}, "tool_choice", "required"),
        ({"tools": [WEATHER], "tool_choice": "none"}, "tool_choice", "none"),
        (
            {
                "tools": [WEATHER, {**WEATHER, "name": "other"}],
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "auto",
                    "tools": [{"type": "function", "name": "other"}],
                },
            },
            "tools",
            [Tool("other", "Weather", CITY)],
        ),
        ({"text": {"verbosity": "high"}, "safety_identifier": "me", "prompt_cache_key": "k"}, "stop", []),
        ({"max_output_tokens": None, "tools": None, "metadata": None, "text": None, "stream": False}, "tools", []),
    ],
)
def test_what_the_engine_is_asked(
    client: openai.OpenAI, stage: ScriptedStage, asked: dict[str, Any], field: str, value: Any
) -> None:
    client.responses.create(model="default", input="Hi", **asked)
    assert getattr(stage.job, field) == value


def test_figures_of_tokens(client: openai.OpenAI, stage: ScriptedStage) -> None:
    drawn = TokenLikelihood(Likelihood(b"Hi", -0.5), [Likelihood(b"Hi", -0.5), Likelihood(b"Ho", -1.5)])
    stage.script = [Token(text="Hi", likelihoods=[drawn]), END]
    include: Any = ["message.output_text.logprobs"]
    response = client.responses.create(model="default", input="Hi", include=include, top_logprobs=2)
    assert response.output[0].type == "message"
    assert response.output[0].content[0].type == "output_text"
    (figures,) = response.output[0].content[0].logprobs or []
    assert (figures.token, figures.bytes, figures.logprob) == ("Hi", [72, 105], -0.5)
    assert [top.token for top in figures.top_logprobs] == ["Hi", "Ho"]


def test_thoughts_and_parallel_calls(client: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = TWO_CALLS
    response = client.responses.create(model="default", input="Weather?", tools=[WEATHER])
    reasoning, *calls = response.output
    assert reasoning.type == "reasoning"
    assert [thought.text for thought in reasoning.content or ()] == ["Two places."]
    assert [(call.call_id, call.name, call.arguments) for call in calls if call.type == "function_call"] == [
        ("call_a", "weather", '{"city": "Rome"}'),
        ("call_b", "weather", '{"city": "Oslo"}'),
    ]
    assert response.output_text == ""


@pytest.mark.parametrize("by", ["previous_response_id", "items", "references"])
def test_a_round_trip_of_tools(client: openai.OpenAI, stage: ScriptedStage, by: str) -> None:
    stage.script = TWO_CALLS
    first = client.responses.create(model="default", input="Weather?", tools=[WEATHER], instructions="Be brief.")
    outputs: list[Any] = [
        {"type": "function_call_output", "call_id": call.call_id, "output": output}
        for call, output in zip(first.output[1:], ["sunny", [{"type": "input_text", "text": "snow"}]], strict=True)
        if call.type == "function_call"
    ]
    stage.script = HELLO
    question = {"role": "user", "content": "Weather?"}
    match by:
        case "items":
            given: list[Any] = [question, *(item.model_dump() for item in first.output), *outputs]
            second = client.responses.create(model="default", input=given, tools=[WEATHER])
        case "references":
            named = [{"type": "item_reference", "id": item.id} for item in first.output]
            second = client.responses.create(model="default", input=[question, *named, *outputs], tools=[WEATHER])  # type: ignore[list-item]
        case _:
            second = client.responses.create(
                model="default", input=outputs, tools=[WEATHER], previous_response_id=first.id
            )
            assert second.previous_response_id == first.id
    assert stage.job.messages == [
        Message("user", "Weather?"),
        Message(
            "assistant",
            "",
            tool_calls=[
                ToolCall("call_a", "weather", '{"city": "Rome"}'),
                ToolCall("call_b", "weather", '{"city": "Oslo"}'),
            ],
        ),
        Message("tool", "sunny", tool_call_id="call_a"),
        Message("tool", "snow", tool_call_id="call_b"),
    ]
    assert second.output_text == "Hello there."


def test_a_conversation_goes_on(client: openai.OpenAI, stage: ScriptedStage) -> None:
    first = client.responses.create(model="default", input="One", instructions="First.")
    second = client.responses.create(model="default", input="Two", previous_response_id=first.id)
    client.responses.create(model="default", input="Three", previous_response_id=second.id, instructions="Third.")
    told = [(message.role, message.content) for message in stage.job.messages]
    assert told == [
        ("system", "Third."),
        ("user", "One"),
        ("assistant", "Hello there."),
        ("user", "Two"),
        ("assistant", "Hello there."),
        ("user", "Three"),
    ]
    client.responses.create(model="default", input="Other", previous_response_id=first.id)
    assert [message.content for message in stage.job.messages] == ["One", "Hello there.", "Other"]
    client.responses.create(model="default", previous_response_id=first.id)
    assert [message.content for message in stage.job.messages] == ["One", "Hello there."]


def test_kept_responses(client: openai.OpenAI, stage: ScriptedStage) -> None:
    first = client.responses.create(model="default", input="One")
    again = client.responses.retrieve(first.id)
    assert again == first
    second = client.responses.create(
        model="default", input=[{"role": "user", "content": "Two"}], previous_response_id=first.id
    )
    client.responses.delete(first.id)
    for gone in (
        lambda: client.responses.retrieve(first.id),
        lambda: client.responses.delete(first.id),
        lambda: client.responses.input_items.list(first.id),
        lambda: client.responses.cancel(first.id),
    ):
        with pytest.raises(openai.NotFoundError) as raised:
            gone()
        assert raised.value.code == "not_found"
    with pytest.raises(openai.NotFoundError, match="no longer kept") as raised:
        client.responses.create(model="default", input="Three", previous_response_id=second.id)
    assert raised.value.param == "previous_response_id"
    assert len(client.responses.input_items.list(second.id).data) == 1


def test_input_items_by_the_page(client: openai.OpenAI) -> None:
    first = client.responses.create(model="default", input="One")
    given: Any = [{"role": "developer", "content": "Two"}, {"role": "user", "content": "Three"}]
    second = client.responses.create(model="default", input=given, previous_response_id=first.id)

    def texts(items: Any) -> list[str]:
        return [item.content[0].text for item in items]

    everything = ["One", "Hello there.", "Two", "Three"]
    listed = client.responses.input_items.list(second.id, order="asc")
    assert texts(listed.data) == everything
    assert listed.data[0].type == "message"
    assert listed.data[0].role == "user"
    assert not listed.has_more
    assert texts(client.responses.input_items.list(second.id).data) == everything[::-1]
    page: Any = client.responses.input_items.list(second.id, order="asc", limit=3)
    assert page.has_more
    assert page.first_id == listed.data[0].id
    rest = client.responses.input_items.list(second.id, order="asc", limit=3, after=page.last_id)
    assert texts([*page.data, *rest.data]) == everything
    assert texts(client.responses.input_items.list(second.id, order="asc", limit=1)) == everything  # the client pages
    wrongs: list[Any] = [{"limit": 0}, {"limit": 101}, {"order": "up"}, {"after": "msg_none"}]
    for wrong in wrongs:
        with pytest.raises(openai.BadRequestError) as raised:
            client.responses.input_items.list(second.id, **wrong)
        assert raised.value.param == next(iter(wrong))


def test_what_is_not_kept(client: openai.OpenAI, stage: ScriptedStage) -> None:
    unkept = client.responses.create(model="default", input="One", store=False)
    stage.script = [Token(text="He"), EngineDown("The stage went away.")]
    *_, failed = client.responses.create(model="default", input="One", stream=True)
    assert failed.type == "response.failed"
    for response in (unkept.id, failed.response.id, "resp_none"):
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(response)
        with pytest.raises(openai.NotFoundError) as raised:
            client.responses.create(model="default", input="Two", previous_response_id=response)
        assert (raised.value.code, raised.value.param) == ("not_found", "previous_response_id")


def test_cancelling_is_refused(client: openai.OpenAI) -> None:
    response = client.responses.create(model="default", input="One")
    with pytest.raises(openai.BadRequestError, match="Only background responses can be cancelled"):
        client.responses.cancel(response.id)


def test_a_reply_that_is_cut_off(client: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = [Token(text="Once upon"), CUT]
    response = client.responses.create(model="default", input="A story", max_output_tokens=5)
    assert response.status == "incomplete"
    assert response.incomplete_details
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.output_text == "Once upon"
    assert client.responses.retrieve(response.id) == response
    *_, last = client.responses.create(model="default", input="A story", stream=True)
    assert last.type == "response.incomplete"
    assert last.response.output[0].status == "incomplete"  # type: ignore[union-attr]
