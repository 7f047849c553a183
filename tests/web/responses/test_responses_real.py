"""`/v1/responses` on the real starter model, which is small: the structure of replies, not their sense."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest

from responses.responding import CITY, WEATHER, Colour

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@pytest.fixture(scope="module")
def real(box: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{box}/v1", api_key="none", max_retries=0, _strict_response_validation=True) as made:
        yield made


def test_real_whole_and_streamed_agree(real: openai.OpenAI) -> None:
    asked: Any = {"model": "default", "input": "Name three colours.", "temperature": 0, "max_output_tokens": 24}
    whole = real.responses.create(**asked)
    assert whole.output_text
    assert whole.usage
    assert 0 < whole.usage.output_tokens <= 24
    events: Sequence[Any] = list(real.responses.create(**asked, stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    assert events[-1].response.output_text == whole.output_text
    assert events[-1].response.status == whole.status


def test_real_replies_keep_a_schema(real: openai.OpenAI) -> None:
    parsed = real.responses.parse(model="default", input="Red or blue?", text_format=Colour, max_output_tokens=40)
    assert parsed.output_parsed is not None


def test_real_tools(real: openai.OpenAI) -> None:
    asked: Any = {"model": "default", "tools": [WEATHER], "temperature": 0, "max_output_tokens": 120}
    schema: Any = {**CITY, "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}}}
    asked["tools"] = [{**WEATHER, "parameters": schema}]
    first = real.responses.create(
        **asked,
        input="Weather in Rome?",
        tool_choice={"type": "function", "name": "weather"},
        parallel_tool_calls=False,
    )
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert json.loads(call.arguments)["city"] in ("Rome", "Oslo")
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    second = real.responses.create(**asked, input=[output], previous_response_id=first.id, tool_choice="none")
    assert [item.type for item in second.output] == ["message"]
    assert second.usage
    assert first.usage
    assert second.usage.input_tokens > first.usage.input_tokens


def test_real_state_is_kept_and_reused(real: openai.OpenAI) -> None:
    asked: Any = {"model": "default", "temperature": 0, "max_output_tokens": 8}
    first = real.responses.create(**asked, input="Count from one to ten, and then from ten back to one, in words.")
    assert real.responses.retrieve(first.id) == first
    second = real.responses.create(**asked, input="Go on.", previous_response_id=first.id)
    assert first.usage
    assert second.usage
    assert second.usage.input_tokens > first.usage.input_tokens + first.usage.output_tokens
    assert second.usage.input_tokens_details.cached_tokens > 0
    assert len(real.responses.input_items.list(second.id).data) == 3
    real.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError):
        real.responses.retrieve(second.id)


def test_real_long_prompts(real: openai.OpenAI) -> None:
    asked: Any = {"model": "default", "temperature": 0, "max_output_tokens": 8}
    talk: Any = [{"role": role, "content": "word " * 120} for _ in range(6) for role in ("user", "assistant")]
    given = [*talk, {"role": "user", "content": "Hi"}]
    with pytest.raises(openai.BadRequestError) as raised:
        real.responses.create(**asked, input=given)
    assert (raised.value.code, raised.value.param) == ("context_length_exceeded", "input")
    response = real.responses.create(**asked, input=given, truncation="auto")
    assert response.output
    assert response.usage
    assert response.usage.input_tokens > 120


def test_real_figures_of_tokens(real: openai.OpenAI) -> None:
    include: Any = ["message.output_text.logprobs"]
    response = real.responses.create(
        model="default", input="Hi", include=include, top_logprobs=3, temperature=0, max_output_tokens=6
    )
    assert response.output[0].type == "message"
    assert response.output[0].content[0].type == "output_text"
    figures = response.output[0].content[0].logprobs or []
    assert figures
    for token in figures:
        assert len(token.top_logprobs) == 3
        assert token.logprob == max(top.logprob for top in token.top_logprobs)


def test_real_schemas_that_cannot_be_kept(real: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/none"}}}
    text: Any = {"format": {"type": "json_schema", "name": "n", "schema": schema}}
    with pytest.raises(openai.BadRequestError) as raised:
        real.responses.create(model="default", input="Hi", text=text)
    assert (raised.value.code, raised.value.param) == ("invalid_value", "text.format.schema")
