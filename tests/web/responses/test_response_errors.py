"""Bad requests to `/v1/responses` are refused with the name of the field."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest
from scripted import ScriptedStage

from appliance.errors import CODES
from responses.responding import WEATHER


def tool(**fields: Any) -> dict[str, Any]:
    return {"input": "Hi", "tools": [{**WEATHER, **fields}]}


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no input": ({}, "missing_field", "input"),
    "empty input": ({"input": []}, "missing_field", "input"),
    "nothing to read": ({"input": [{"type": "reasoning", "summary": []}]}, "invalid_value", "input"),
    "input of no items": ({"input": [4]}, "invalid_value", "input[0]"),
    "model": ({"input": "Hi", "model": "gpt-99"}, "model_not_found", "model"),
    "temperature": ({"input": "Hi", "temperature": 3}, "invalid_value", "temperature"),
    "top_logprobs": ({"input": "Hi", "top_logprobs": 21}, "invalid_value", "top_logprobs"),
    "no tokens": ({"input": "Hi", "max_output_tokens": 0}, "invalid_value", "max_output_tokens"),
    "too many tokens": ({"input": "Hi", "max_output_tokens": 2**70}, "invalid_value", "max_output_tokens"),
    "include": ({"input": "Hi", "include": ["all"]}, "invalid_value", "include[0]"),
    "effort": ({"input": "Hi", "reasoning": {"effort": "huge"}}, "invalid_value", "reasoning.effort"),
    "truncation": ({"input": "Hi", "truncation": "some"}, "invalid_value", "truncation"),
    "metadata": ({"input": "Hi", "metadata": {"a": "b" * 513}}, "invalid_value", "metadata[...]"),
    "metadata keys": ({"input": "Hi", "metadata": {"a" * 65: "b"}}, "invalid_value", "metadata"),
    "background": ({"input": "Hi", "background": True}, "unsupported_parameter", "background"),
    "conversation's id": ({"input": "Hi", "conversation": "no such"}, "invalid_value", "conversation"),
    "conversation's shape": ({"input": "Hi", "conversation": {"name": "a"}}, "missing_field", "conversation.id"),
    "conversation and response": (
        {"input": "Hi", "conversation": "a", "previous_response_id": "resp_1"},
        "invalid_value",
        "conversation",
    ),
    "prompt": ({"prompt": {"id": "pmpt_1"}}, "unsupported_parameter", "prompt"),
    "hosted tool": ({"input": "Hi", "tools": [{"type": "web_search"}]}, "unsupported_parameter", "tools[0].type"),
    "mcp": ({"input": "Hi", "tools": [WEATHER, {"type": "mcp"}]}, "unsupported_parameter", "tools[1].type"),
    "hosted choice": (
        {"input": "Hi", "tools": [WEATHER], "tool_choice": {"type": "file_search"}},
        "unsupported_parameter",
        "tool_choice.type",
    ),
    "unknown choice": (
        {"input": "Hi", "tools": [WEATHER], "tool_choice": {"type": "function", "name": "other"}},
        "invalid_value",
        "tool_choice",
    ),
    "unnamed choice": (
        {"input": "Hi", "tools": [WEATHER], "tool_choice": {"type": "function"}},
        "missing_field",
        "tool_choice.name",
    ),
    "allowed what": (
        {"input": "Hi", "tools": [WEATHER], "tool_choice": {"type": "allowed_tools", "tools": []}},
        "missing_field",
        "tool_choice.mode",
    ),
    "required of none": ({"input": "Hi", "tool_choice": "required"}, "invalid_value", "tool_choice"),
    "tool without name": ({"input": "Hi", "tools": [{"type": "function"}]}, "missing_field", "tools[0].name"),
    "tool of wrong name": (tool(name="a b"), "invalid_value", "tools[0].name"),
    "tool of wrong schema": (tool(parameters=[]), "invalid_value", "tools[0].parameters"),
    "format": ({"input": "Hi", "text": {"format": {"type": "xml"}}}, "invalid_value", "text.format.type"),
    "format without schema": (
        {"input": "Hi", "text": {"format": {"type": "json_schema", "name": "n"}}},
        "missing_field",
        "text.format.schema",
    ),
    "picture": (
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x/y.png"}]}]},
        "unsupported_parameter",
        "input[0].content[0]",
    ),
    "unknown item": ({"input": [{"type": "computer_call"}]}, "unsupported_parameter", "input[0].type"),
    "unknown reference": ({"input": [{"type": "item_reference", "id": "msg_no"}]}, "not_found", "input[0].id"),
    "output of no call": (
        {"input": [{"role": "user", "content": "Hi"}, {"type": "function_call_output", "call_id": "a", "output": "b"}]},
        "invalid_value",
        "input[1].call_id",
    ),
    "previous": ({"input": "Hi", "previous_response_id": "resp_no"}, "not_found", "previous_response_id"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests(url: str, stage: ScriptedStage, name: str) -> None:
    request, code, param = BAD[name]
    for stream in (False, True):
        answer = httpx.post(f"{url}/responses", json={**request, "stream": stream})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (CODES[code][0], code, param), error
    assert stage.jobs == []


def test_a_kept_response_is_not_streamed(client: openai.OpenAI) -> None:
    response = client.responses.create(model="default", input="Hi")
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.retrieve(response.id, stream=True)
    assert (raised.value.code, raised.value.param) == ("unsupported_parameter", "stream")
