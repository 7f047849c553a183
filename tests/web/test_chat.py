"""Chat as OpenAI's own client uses it: on a scripted stage, then on the starter model."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Literal

import anyio
import anyio.to_thread
import httpx
import openai
import pytest
from pydantic import BaseModel
from scripted import END, ScriptedStage, doors

from appliance.errors import EngineDown
from appliance.jobs import (
    Arguments,
    Called,
    Generate,
    Generated,
    Likelihood,
    Message,
    Sampling,
    Thought,
    Token,
    TokenLikelihood,
    Tool,
    ToolCall,
)
from appliance.web.chat import chat_completions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from appliance.jobs import AnyJob, AnyPart

HELLO: Any = [{"role": "user", "content": "Hello"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Ulm", "Bonn"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
TIME: Any = {"type": "function", "function": {"name": "time"}}
CALLS: list[AnyPart] = [
    Called(index=0, id="call_a", name="weather"),
    Called(index=1, id="call_b", name="time"),
    Arguments(index=0, text='{"city": '),
    Arguments(index=1, text="{}"),
    Arguments(index=0, text='"Ulm"}'),
]
CALLED = Generated(finish_reason="tool_calls", prompt_tokens=5, completion_tokens=9)


class Answer(BaseModel):
    colour: Literal["red", "green"]
    certain: bool


class weather(BaseModel):  # noqa: N801 - the name of a tool
    city: Literal["Ulm", "Bonn"]


class trip(BaseModel):  # noqa: N801
    to: weather


@pytest.fixture
def stage() -> ScriptedStage:
    return ScriptedStage([Token(text="Hel"), Token(text="lo"), END])


@pytest.fixture
def url(stage: ScriptedStage) -> Iterator[str]:
    with doors(chat_completions, stage=stage) as address:
        yield address


def ask(url: str, **fields: Any) -> httpx.Response:
    return httpx.post(f"{url}/v1/chat/completions", json={"messages": HELLO, **fields}, timeout=60)


def chunks(answer: httpx.Response) -> list[Any]:
    events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert events[-1] == "[DONE]"
    return [json.loads(event) for event in events[:-1]]


def drawn(text: bytes, logprob: float, *others: Likelihood) -> TokenLikelihood:
    return TokenLikelihood(Likelihood(text, logprob), list(others))


# The request.


def test_every_field_reaches_the_engine(scripted: openai.OpenAI, stage: ScriptedStage) -> None:
    scripted.chat.completions.create(
        model="default",
        messages=HELLO,
        temperature=1.5,
        top_p=0.5,
        frequency_penalty=-1,
        presence_penalty=2,
        seed=7,
        logit_bias={"11": -100, "12": 3},
        logprobs=True,
        top_logprobs=4,
        stop=["END", ""],
        max_tokens=9,
        max_completion_tokens=5,
        tools=[WEATHER, TIME],
        tool_choice={"type": "function", "function": {"name": "time"}},
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "array"}}},
        reasoning_effort="low",
        service_tier="flex",
        user="me",
        store=False,
        metadata={"a": "b"},
        modalities=["text"],
        extra_body={"top_k": 3, "min_p": 0.1, "repetition_penalty": 1.2},
    )
    assert stage.job == Generate(
        messages=[Message("user", "Hello")],
        tools=[
            Tool("weather", "Tells the weather.", WEATHER["function"]["parameters"]),
            Tool("time"),
        ],
        tool_name="time",
        tool_choice="required",
        parallel_tool_calls=False,
        thinking=True,
        priority="background",
        max_tokens=5,
        sampling=Sampling(
            temperature=1.5, top_p=0.5, top_k=3, min_p=0.1, frequency_penalty=-1, presence_penalty=2,
            repeat_penalty=1.2, seed=7, logit_bias={11: -100, 12: 3},
        ),
        stop=["END"],
        schema={"type": "array"},
        logprobs=4,
    )  # fmt: skip


def test_fields_may_be_absent_or_null(url: str, stage: ScriptedStage) -> None:
    optional = (
        "model", "stream", "stream_options", "n", "stop", "temperature", "top_p", "top_k", "min_p", "seed", "user",
        "frequency_penalty", "presence_penalty", "repeat_penalty", "logit_bias", "logprobs", "top_logprobs",
        "max_tokens", "max_completion_tokens", "response_format", "tools", "tool_choice", "parallel_tool_calls",
        "reasoning_effort", "chat_template_kwargs", "service_tier", "functions", "function_call", "modalities",
    )  # fmt: skip
    assert ask(url).status_code == 200
    assert ask(url, **dict.fromkeys(optional)).status_code == 200
    assert stage.jobs == [Generate(messages=[Message("user", "Hello")])] * 2


def test_messages_of_every_role(url: str, stage: ScriptedStage) -> None:
    call = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ulm"}'}}
    empty = {"id": "call_b", "type": "function", "function": {"name": "time", "arguments": ""}}
    given = [
        {"role": "system", "content": "S", "name": "a"},
        {"role": "developer", "content": [{"type": "text", "text": "D"}, {"type": "text", "text": "E"}]},
        {"role": "user", "content": "U"},
        {"role": "assistant", "content": None, "tool_calls": [call, empty]},
        {"role": "tool", "content": [{"type": "text", "text": "sunny"}], "tool_call_id": "call_a"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"role": "assistant", "refusal": "Never."},
        {"role": "user", "content": ""},
    ]
    assert ask(url, messages=given).status_code == 200
    assert stage.job.messages == [
        Message("system", "S"),
        Message("system", "DE"),
        Message("user", "U"),
        Message("assistant", "", [ToolCall("call_a", "weather", '{"city": "Ulm"}'), ToolCall("call_b", "time", "{}")]),
        Message("tool", "sunny", tool_call_id="call_a"),
        Message("assistant", "No."),
        Message("assistant", "Never."),
        Message("user", ""),
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reasoning_effort": "none"}, {"thinking": False}),
        ({"reasoning_effort": "xhigh"}, {"thinking": True}),
        ({"chat_template_kwargs": {"enable_thinking": False}, "reasoning_effort": "high"}, {"thinking": False}),
        ({"chat_template_kwargs": {"other": 1}}, {"thinking": None}),
        ({"service_tier": "priority"}, {"priority": "typed"}),
        ({"stop": "x"}, {"stop": ["x"]}),
        ({"response_format": {"type": "text"}}, {"json": False, "schema": None}),
        ({"response_format": {"type": "json_object"}}, {"json": True}),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, {"json": True, "schema": None}),
        ({"logprobs": True}, {"logprobs": 0}),
        ({"logprobs": False, "top_logprobs": 0}, {"logprobs": None}),
        ({"tools": [TIME], "tool_choice": "none"}, {"tool_choice": "none", "tools": [Tool("time")]}),
        ({"tools": [TIME], "parallel_tool_calls": False}, {"tool_choice": "auto", "parallel_tool_calls": False}),
        (
            {
                "tools": [TIME, WEATHER],
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": [TIME]},
                },
            },
            {"tool_choice": "required", "tools": [Tool("time")], "tool_name": None},
        ),
    ],
)
def test_fields_mean(url: str, stage: ScriptedStage, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    answer = ask(url, **fields)
    assert answer.status_code == 200, answer.text
    assert {name: getattr(stage.job, name) for name in expected} == expected


DEEP: Any = {}
for _ in range(70):
    DEEP = {"not": DEEP}

BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "bias of a word": ({"logit_bias": {"hello": 1}}, "invalid_value", "logit_bias"),
    "bias too large": ({"logit_bias": {"1": 101}}, "invalid_value", "logit_bias"),
    "bias of text": ({"logit_bias": {"1": "much"}}, "invalid_value", "logit_bias"),
    "too many biases": ({"logit_bias": dict.fromkeys(map(str, range(1025)), 1)}, "invalid_value", "logit_bias"),
    "n too large": ({"n": 17}, "invalid_value", "n"),
    "penalty": ({"frequency_penalty": 3}, "invalid_value", "frequency_penalty"),
    "alternatives": ({"logprobs": True, "top_logprobs": 21}, "invalid_value", "top_logprobs"),
    "alternatives alone": ({"top_logprobs": 2}, "invalid_value", "top_logprobs"),
    "stops": ({"stop": ["a"] * 17}, "invalid_value", "stop"),
    "effort": ({"reasoning_effort": "huge"}, "invalid_value", "reasoning_effort"),
    "format": ({"response_format": {"type": "xml"}}, "invalid_value", "response_format.type"),
    "no schema": ({"response_format": {"type": "json_schema"}}, "missing_field", "response_format.json_schema"),
    "deep schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": DEEP}}},
        "invalid_value",
        "response_format.json_schema.schema",
    ),
    "long schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": [0] * 10_000}}}},
        "invalid_value",
        "response_format.json_schema.schema",
    ),
    "huge integer": (
        {"tools": [{"type": "function", "function": {"name": "x", "parameters": {"const": 2**65}}}]},
        "invalid_value",
        "tools[0].function.parameters",
    ),
    "no object": (
        {"tools": [{"type": "function", "function": {"name": "x", "parameters": {"type": "string"}}}]},
        "invalid_value",
        "tools[0].function.parameters",
    ),
    "custom tool": ({"tools": [{"type": "custom", "custom": {}}]}, "unsupported_parameter", "tools[0].type"),
    "no function": ({"tools": [TIME, {"type": "function"}]}, "missing_field", "tools[1].function"),
    "tool's name": (
        {"tools": [{"type": "function", "function": {"name": "a b"}}]},
        "invalid_value",
        "tools[0].function.name",
    ),
    "twice the same": ({"tools": [TIME, TIME]}, "invalid_value", "tools[1].function.name"),
    "many tools": (
        {"tools": [{"type": "function", "function": {"name": f"f{number}"}} for number in range(129)]},
        "invalid_value",
        "tools",
    ),
    "no tools": ({"tool_choice": "required"}, "invalid_value", "tool_choice"),
    "unknown tool": (
        {"tools": [TIME], "tool_choice": {"type": "function", "function": {"name": "x"}}},
        "invalid_value",
        "tool_choice",
    ),
    "unknown allowed": (
        {
            "tools": [TIME],
            "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [WEATHER]}},
        },
        "invalid_value",
        "tool_choice",
    ),
    "custom choice": (
        {"tools": [TIME], "tool_choice": {"type": "custom"}},
        "unsupported_parameter",
        "tool_choice.type",
    ),
    "functions": ({"functions": [{"name": "x"}]}, "unsupported_parameter", "functions"),
    "function_call": ({"function_call": "auto"}, "unsupported_parameter", "function_call"),
    "audio": ({"audio": {"voice": "alloy"}}, "unsupported_parameter", "audio"),
    "modalities": ({"modalities": ["text", "audio"]}, "unsupported_parameter", "modalities"),
    "prediction": ({"prediction": {"type": "content"}}, "unsupported_parameter", "prediction"),
    "web search": ({"web_search_options": {}}, "unsupported_parameter", "web_search_options"),
    "role": ({"messages": [{"role": "function", "content": "a"}]}, "invalid_value", "messages[0].role"),
    "answer to no call": (
        {"messages": [*HELLO, {"role": "tool", "content": "a", "tool_call_id": "x"}]},
        "invalid_value",
        "messages[1].tool_call_id",
    ),
    "answer without call": (
        {"messages": [{"role": "tool", "content": "a"}]},
        "missing_field",
        "messages[0].tool_call_id",
    ),
    "arguments": (
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "["}}]}]},
        "invalid_value",
        "messages[0].tool_calls[0].function.arguments",
    ),
    "empty parts": ({"messages": [{"role": "user", "content": []}]}, "missing_field", "messages[0].content"),
    "part without text": (
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "missing_field",
        "messages[0].content",
    ),
}


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[str, ScriptedStage]]:
    stage = ScriptedStage([END])
    with doors(chat_completions, stage=stage) as address:
        yield address, stage


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_name_the_field(refusing: tuple[str, ScriptedStage], name: str) -> None:
    url, stage = refusing
    fields, code, param = BAD[name]
    answer = ask(url, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert error["type"] == "invalid_request_error"
    assert stage.jobs == []


def test_more_replies_than_places(stage: ScriptedStage) -> None:
    with doors(chat_completions, stage=stage, overrides={"llm": {"queue": 3}}) as url:
        assert ask(url, n=3).status_code == 200
        error = ask(url, n=4).json()["error"]
    assert (error["code"], error["param"], "limit is 3" in error["message"]) == ("invalid_value", "n", True)


# The answer.


def test_a_whole_reply(scripted: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = [
        Thought(text="Let me "),
        Thought(text="see."),
        Token(
            text="It is ", likelihoods=[drawn(b"It", -0.5, Likelihood(b"It", -0.5), Likelihood(b"\xf0\x9f", -1e400))]
        ),
        Token(text="", likelihoods=[drawn(b" is", -0.25)]),
        Token(text="so."),
        Generated(finish_reason="length", prompt_tokens=5, completion_tokens=9, cached_tokens=4, thought_tokens=6),
    ]
    raw = scripted.chat.completions.with_raw_response.create(
        model="brain", messages=HELLO, logprobs=True, service_tier="flex"
    )
    assert raw.headers["x-request-id"]
    made = raw.parse()
    assert (made.object, made.model, made.service_tier) == ("chat.completion", "brain", "flex")
    assert made.id.startswith("chatcmpl-")
    (choice,) = made.choices
    assert (choice.index, choice.finish_reason, choice.message.role) == (0, "length", "assistant")
    assert (choice.message.content, choice.message.tool_calls) == ("It is so.", None)
    assert choice.message.to_dict()["reasoning_content"] == "Let me see."
    assert choice.logprobs
    assert choice.logprobs.content
    assert [(token.token, token.bytes, token.logprob) for token in choice.logprobs.content] == [
        ("It", [73, 116], -0.5),
        (" is", [32, 105, 115], -0.25),
    ]
    assert [(top.token, top.logprob) for top in choice.logprobs.content[0].top_logprobs] == [
        ("It", -0.5),
        ("\\xf0\\x9f", -9999.0),
    ]
    usage = made.usage
    assert usage
    assert usage.prompt_tokens_details
    assert usage.completion_tokens_details
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (5, 9, 14)
    assert usage.prompt_tokens_details.cached_tokens == 4
    assert usage.completion_tokens_details.reasoning_tokens == 6


def test_what_is_not_there_is_left_out(url: str, stage: ScriptedStage) -> None:
    stage.script = [END]
    answer = ask(url).json()
    assert set(answer) == {"id", "object", "created", "model", "system_fingerprint", "choices", "usage"}
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert answer["system_fingerprint"] == ask(url).json()["system_fingerprint"]


def test_calls_alone_have_no_content(url: str, stage: ScriptedStage) -> None:
    stage.script = [*CALLS, CALLED]
    (choice,) = ask(url, tools=[WEATHER, TIME]).json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [
            {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ulm"}'}},
            {"id": "call_b", "type": "function", "function": {"name": "time", "arguments": "{}"}},
        ],
    }


def test_chunks_in_order(url: str, stage: ScriptedStage) -> None:
    stage.script = [
        Token(text=""),
        Token(text="Well", likelihoods=[drawn(b"Well", -1.0)]),
        Token(text="", likelihoods=[drawn(b"\xe2", -2.0)]),
        *CALLS,
        CALLED,
    ]
    found = chunks(ask(url, stream=True, logprobs=True, tools=[WEATHER, TIME]))
    assert all(set(chunk) == {"id", "object", "created", "model", "system_fingerprint", "choices"} for chunk in found)
    assert {(chunk["id"], chunk["object"], chunk["choices"][0]["index"]) for chunk in found} == {
        (found[0]["id"], "chat.completion.chunk", 0)
    }
    deltas = [chunk["choices"][0]["delta"] for chunk in found]
    assert deltas == [
        {"role": "assistant", "content": ""},
        {"content": "Well"},
        {"content": ""},
        *[
            {"tool_calls": [call]}
            for call in (
                {"index": 0, "id": "call_a", "type": "function", "function": {"name": "weather", "arguments": ""}},
                {"index": 1, "id": "call_b", "type": "function", "function": {"name": "time", "arguments": ""}},
                {"index": 0, "function": {"arguments": '{"city": '}},
                {"index": 1, "function": {"arguments": "{}"}},
                {"index": 0, "function": {"arguments": '"Ulm"}'}},
            )
        ],
        {},
    ]
    figures = [chunk["choices"][0]["logprobs"] for chunk in found]
    assert [[token["bytes"] for token in each["content"]] if each else None for each in figures[:4]] == [
        None,
        [[87, 101, 108, 108]],
        [[0xE2]],
        None,
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in found] == [None] * (len(found) - 1) + ["tool_calls"]


def test_thoughts_are_streamed_apart(scripted: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = [Thought(text="Hm"), Thought(text="m."), Token(text="Yes."), END]
    with scripted.chat.completions.stream(model="default", messages=HELLO) as stream:
        message = stream.get_final_completion().choices[0].message
    assert (message.content, message.to_dict()["reasoning_content"]) == ("Yes.", "Hmm.")


def test_usage_in_a_stream(url: str) -> None:
    found = chunks(ask(url, stream=True, stream_options={"include_usage": True}))
    assert [chunk["usage"] for chunk in found[:-1]] == [None] * (len(found) - 1)
    assert found[-1]["choices"] == []
    assert found[-1]["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 3,
        "total_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


# Several replies.


async def in_turn(job: AnyJob, number: int) -> AsyncIterator[Token | Generated]:
    """Reply `number` of three: one word more than the reply before."""
    for word in range(number % 3 + 1):
        yield Token(text=f"{number % 3}.{word} ")
        await anyio.lowlevel.checkpoint()
    yield Generated(finish_reason="stop", prompt_tokens=5, completion_tokens=number % 3 + 1, cached_tokens=number % 3)


def test_replies_keep_apart(scripted: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = in_turn
    whole = scripted.chat.completions.create(model="default", messages=HELLO, n=3, seed=40)
    assert [job.sampling.seed for job in stage.jobs] == [40, 41, 42]
    assert [(choice.index, choice.message.content) for choice in whole.choices] == [
        (0, "0.0 "),
        (1, "1.0 1.1 "),
        (2, "2.0 2.1 2.2 "),
    ]
    assert whole.usage
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (5, 6)
    stream = scripted.chat.completions.create(
        model="default", messages=HELLO, n=3, stream=True, stream_options={"include_usage": True}
    )
    texts, roles, ends = ["", "", ""], [], []
    *rest, last = list(stream)
    for chunk in rest:
        (choice,) = chunk.choices
        texts[choice.index] += choice.delta.content or ""
        roles += [choice.index] if choice.delta.role else []
        ends += [choice.index] if choice.finish_reason else []
    assert texts == [choice.message.content for choice in whole.choices]
    assert (sorted(roles), sorted(ends)) == ([0, 1, 2], [0, 1, 2])
    assert last.usage == whole.usage
    assert (stage.open, stage.aborted) == (0, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_one_failure_ends_all_replies(scripted: openai.OpenAI, stage: ScriptedStage, stream: bool) -> None:
    read = threading.Event()

    async def second_fails(job: AnyJob, number: int) -> AsyncIterator[Token | Exception]:
        yield Token(text="Well")
        if number == 1:
            await anyio.to_thread.run_sync(read.wait)
            yield EngineDown("It fell over.", retry_after=3)
        await anyio.sleep_forever()

    stage.script = second_fails
    if stream:
        chunks = scripted.chat.completions.create(model="default", messages=HELLO, n=3, stream=True)
        assert next(chunks).choices[0].delta.role == "assistant"
    read.set()
    with pytest.raises(openai.APIError, match="It fell over") as caught:
        list(chunks) if stream else scripted.chat.completions.create(model="default", messages=HELLO, n=3)
    assert caught.value.code == "engine_down"
    assert isinstance(caught.value, openai.InternalServerError) != stream
    assert (len(stage.jobs), stage.open, stage.aborted) == (3, 0, 2)


async def nothing(job: AnyJob, number: int) -> AsyncIterator[Token]:
    await anyio.sleep_forever()
    yield Token(text="never")


@pytest.mark.parametrize("stream", [False, True])
def test_one_refusal_refuses_all(url: str, stage: ScriptedStage, stream: bool) -> None:
    stage.queue, stage.script = 2, nothing
    answer = ask(url, n=3, stream=stream)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
    assert answer.headers["retry-after"] == "7"
    assert (stage.open, stage.aborted) == (0, 2)


@pytest.mark.parametrize("n", [1, 2])
def test_a_stage_that_only_stops(url: str, stage: ScriptedStage, n: int) -> None:
    stage.script = [Token(text="Well")]
    answer = ask(url, n=n)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert '"code":"internal_error"' in ask(url, n=n, stream=True).text


@pytest.mark.parametrize("n", [1, 2])
def test_a_client_that_leaves_ends_all_replies(url: str, stage: ScriptedStage, n: int) -> None:
    left = threading.Semaphore(0)

    async def endless(job: AnyJob, number: int) -> AsyncIterator[Token]:
        try:
            yield Token(text="Well")
            await anyio.sleep_forever()
        finally:
            left.release()

    stage.script = endless
    body = {"messages": HELLO, "stream": True, "n": n}
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=body) as answer:
        next(answer.iter_bytes())
    for _ in range(n):
        assert left.acquire(timeout=30)


# The client's own conveniences.


def test_parsed_replies(scripted: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = [Token(text='{"colour": "red", '), Token(text='"certain": true}'), END]
    made = scripted.chat.completions.parse(model="default", messages=HELLO, response_format=Answer)
    assert made.choices[0].message.parsed == Answer(colour="red", certain=True)
    assert stage.job.schema["required"] == ["colour", "certain"]
    with scripted.chat.completions.stream(model="default", messages=HELLO, response_format=Answer) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert {"content.delta", "content.done"} <= set(kinds)
    assert final.choices[0].message.parsed == Answer(colour="red", certain=True)


def test_parsed_calls(scripted: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = [CALLS[0], CALLS[2], CALLS[4], CALLED]
    with scripted.chat.completions.stream(
        model="default", messages=HELLO, tools=[openai.pydantic_function_tool(weather)], tool_choice="required"
    ) as stream:
        calls: Any = stream.get_final_completion().choices[0].message.tool_calls
    (call,) = calls
    assert call.function.parsed_arguments == weather(city="Ulm")


async def test_the_asynchronous_client(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        stream = await client.chat.completions.create(model="default", messages=HELLO, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        made = await client.chat.completions.create(model="default", messages=HELLO)
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.create(model="gpt-99", messages=HELLO)
    assert text == made.choices[0].message.content == "Hello"


# On the starter model: it knows little, so only the form of what it says is looked at.


def test_model_replies_keep_apart(client: openai.OpenAI) -> None:
    def texts(n: int, seed: int) -> list[str | None]:
        made = client.chat.completions.create(
            model="default", messages=HELLO, temperature=1, max_tokens=12, n=n, seed=seed
        )
        assert [choice.index for choice in made.choices] == list(range(n))
        assert made.usage
        assert made.usage.completion_tokens <= 12 * n
        return [choice.message.content for choice in made.choices]

    several = texts(3, 70)
    assert len(set(several)) > 1
    assert several == [texts(1, 70 + number)[0] for number in range(3)]


def test_model_figures(client: openai.OpenAI) -> None:
    def ask(*, stream: bool) -> Any:
        return client.chat.completions.create(
            model="default", messages=HELLO, temperature=0, max_tokens=8, logprobs=True, top_logprobs=3, stream=stream
        )

    made = ask(stream=False)
    (choice,) = made.choices
    figures = choice.logprobs.content
    assert len(figures) == made.usage.completion_tokens
    for token in figures:
        assert len(token.top_logprobs) == 3
        assert token.logprob == pytest.approx(token.top_logprobs[0].logprob)
        assert token.top_logprobs[0].bytes == token.bytes
        assert [top.logprob for top in token.top_logprobs] == sorted(
            (top.logprob for top in token.top_logprobs), reverse=True
        )
        assert all(top.logprob <= 0 for top in token.top_logprobs)
    assert b"".join(bytes(token.bytes) for token in figures).decode().startswith(choice.message.content)
    streamed = [chunk.choices[0].logprobs for chunk in ask(stream=True)]
    assert [token for each in streamed if each for token in each.content] == figures


def test_model_biases(client: openai.OpenAI) -> None:
    def tokens(bias: dict[str, int]) -> set[str]:
        made = client.chat.completions.create(
            model="default", messages=HELLO, temperature=0, max_tokens=4, logprobs=True, logit_bias=bias
        )
        figures: Any = made.choices[0].logprobs
        return {token.token for token in figures.content}

    assert len(tokens({"1000": 100})) == 1
    assert tokens({"1000": 100}) != tokens({"1001": 100})
    assert tokens({"1000": 100, "1001": -100}) == tokens({"1000": 100})


def test_model_keeps_to_a_schema(client: openai.OpenAI) -> None:
    made = client.chat.completions.parse(
        model="default", messages=HELLO, response_format=Answer, temperature=0, max_tokens=60
    )
    assert isinstance(made.choices[0].message.parsed, Answer)
    assert made.choices[0].finish_reason == "stop"
    with client.chat.completions.stream(
        model="default", messages=HELLO, response_format=Answer, temperature=0, max_tokens=60
    ) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == made.choices[0].message.parsed


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_model_calls_tools(client: openai.OpenAI, choice: Any) -> None:
    messages: Any = [{"role": "user", "content": "What is the weather in Ulm?"}]
    options: Any = {
        "tools": [openai.pydantic_function_tool(weather)], "tool_choice": choice, "parallel_tool_calls": False,
        "model": "default", "temperature": 0, "max_tokens": 80,
    }  # fmt: skip
    made = client.chat.completions.parse(messages=messages, **options)
    calls: Any = made.choices[0].message.tool_calls
    (call,) = calls
    assert isinstance(call.function.parsed_arguments, weather)
    assert (made.choices[0].finish_reason, made.choices[0].message.content) == ("tool_calls", None)
    with client.chat.completions.stream(messages=messages, **options) as stream:
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert [each.function.arguments for each in calls] == [call.function.arguments]
    answered = [
        *messages,
        made.choices[0].message.to_dict(),
        {"role": "tool", "tool_call_id": call.id, "content": '{"sky": "clear"}'},
    ]
    again = client.chat.completions.create(
        model="default", messages=answered, tools=options["tools"], tool_choice="none", max_tokens=8
    )
    assert again.choices[0].message.content
    assert not again.choices[0].message.tool_calls


def test_model_calls_a_tool_with_definitions(client: openai.OpenAI) -> None:
    made = client.chat.completions.parse(
        model="default", messages=HELLO, tools=[openai.pydantic_function_tool(trip)], tool_choice="required",
        parallel_tool_calls=False, temperature=0, max_tokens=80,
    )  # fmt: skip
    calls: Any = made.choices[0].message.tool_calls
    assert isinstance(calls[0].function.parsed_arguments, trip)


def test_model_stops_across_tokens(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Count from one to ten in digits."}]
    options: Any = {"model": "default", "messages": messages, "temperature": 0, "max_tokens": 40}
    made = client.chat.completions.create(logprobs=True, **options).choices[0]
    text: Any = made.message.content
    figures: Any = made.logprobs
    first = len(figures.content[0].token)
    stop = text[first - 1 : first + 2]  # the end of one token with the beginning of the next
    cut = client.chat.completions.create(stop=[stop, "never said"], **options).choices[0]
    assert (cut.message.content, cut.finish_reason) == (text[: text.index(stop)], "stop")
    chunks = list(client.chat.completions.create(stop=stop, stream=True, **options))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == cut.message.content
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_model_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="default", messages=[{"role": "user", "content": "word " * 3000}], n=2)
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="default",
            messages=HELLO,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nonsense"}}},
        )
    assert str(caught.value.param).startswith("response_format")
