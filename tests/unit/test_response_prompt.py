"""From the items of a response's input to what the model reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import RequestError
from appliance.jobs import Message, ToolCall
from appliance.web.response_prompt import check_outputs, ever_shorter, messages, shortened
from appliance.web.wire_response_items import Item, kept_items, read_items

if TYPE_CHECKING:
    from collections.abc import Sequence

ITEMS: list[dict[str, Any]] = [
    {"role": "developer", "content": "Be kind."},
    {"role": "user", "content": [{"type": "input_text", "text": "Wea"}, {"type": "input_text", "text": "ther?"}]},
    {"type": "reasoning", "id": "rs_x", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
    {"type": "message", "role": "assistant", "content": "One moment.", "id": None, "status": None},
    {"type": "function_call", "call_id": "a", "name": "weather", "arguments": '{"city": "Rome"}'},
    {"type": "function_call", "call_id": "b", "name": "clock", "arguments": ""},
    {"type": "function_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "noon"}]},
    {"type": "function_call_output", "call_id": "a", "output": "sunny"},
]


def items(raw: str | list[dict[str, Any]]) -> list[Item]:
    return kept_items([msgspec.to_builtins(item) for item in read_items(raw)])


def test_items_become_messages() -> None:
    assert messages("Speak English.", items(ITEMS)) == [
        Message("system", "Speak English."),
        Message("system", "Be kind."),
        Message("user", "Weather?"),
        Message(
            "assistant",
            "One moment.",
            tool_calls=[ToolCall("a", "weather", '{"city": "Rome"}'), ToolCall("b", "clock", "{}")],
        ),
        Message("tool", "noon", tool_call_id="b"),
        Message("tool", "sunny", tool_call_id="a"),
    ]
    assert messages(None, items("Hi")) == [Message("user", "Hi")]


def test_a_call_that_was_cut_off_is_left_out() -> None:
    cut = {"type": "function_call", "call_id": "a", "name": "f", "arguments": '{"ci', "status": "incomplete"}
    output = {"type": "function_call_output", "call_id": "a", "output": "?"}
    assert messages(None, items([{"role": "user", "content": "Hi"}, cut, output])) == [Message("user", "Hi")]


def test_outputs_answer_calls() -> None:
    call, output = items([ITEMS[5], ITEMS[6]])
    check_outputs([call], [output])
    check_outputs([], [call, output])
    with pytest.raises(RequestError) as raised:
        check_outputs([], [call, output, *items([ITEMS[7]])])
    assert raised.value.param == "input[2].call_id"


BAD_ITEMS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown kind": ({"type": "web_search_call", "id": "ws_1"}, "unsupported_parameter", ".type"),
    "kind of no text": ({"type": 4}, "unsupported_parameter", ".type"),
    "no content": ({"role": "user"}, "missing_field", ".content"),
    "no role": ({"type": "message", "content": "Hi"}, "missing_field", ".role"),
    "wrong role": ({"role": "tool", "content": "Hi"}, "invalid_value", ".role"),
    "content of no text": ({"role": "user", "content": 4}, "invalid_value", ".content"),
    "part of no text": ({"role": "user", "content": ["Hi"]}, "invalid_value", ".content[0]"),
    "part without kind": ({"role": "user", "content": [{"text": "Hi"}]}, "missing_field", ".content[0].type"),
    "part without text": ({"role": "user", "content": [{"type": "input_text"}]}, "missing_field", ".content[0].text"),
    "picture": (
        {"role": "user", "content": [{"type": "input_text", "text": ""}, {"type": "input_image"}]},
        "unsupported_parameter",
        ".content[1]",
    ),
    "file from a tool": (
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_file"}]},
        "unsupported_parameter",
        ".output[0]",
    ),
    "no output": ({"type": "function_call_output", "call_id": "a"}, "missing_field", ".output"),
    "no call id": ({"type": "function_call", "name": "f", "arguments": "{}"}, "missing_field", ".call_id"),
    "broken arguments": (
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{"},
        "invalid_value",
        ".arguments",
    ),
    "arguments of no object": (
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "[]"},
        "invalid_value",
        ".arguments",
    ),
    "empty id": ({"type": "item_reference", "id": ""}, "invalid_value", ".id"),
}


@pytest.mark.parametrize("name", BAD_ITEMS)
def test_bad_items_are_named(name: str) -> None:
    raw, code, place = BAD_ITEMS[name]
    with pytest.raises(RequestError) as raised:
        read_items([{"role": "user", "content": "Hi"}, raw])
    assert (raised.value.code, raised.value.param) == (code, f"input[1]{place}")


def said(*turns: str) -> list[Message]:
    """Messages from letters: s, u, a as their roles begin; `c` a call with its answer."""
    found: list[Message] = []
    for number, letter in enumerate("".join(turns)):
        if letter == "c":
            found.append(Message("assistant", "", tool_calls=[ToolCall(str(number), "f", "{}")]))
            found.append(Message("tool", str(number), tool_call_id=str(number)))
        else:
            found.append(Message({"s": "system", "u": "user", "a": "assistant"}[letter], str(number)))  # type: ignore[arg-type]
    return found


def letters(given: Sequence[Message]) -> str:
    return "".join("c" if m.tool_calls else "" if m.role == "tool" else m.role[0] for m in given)


@pytest.mark.parametrize(
    ("before", "count", "after"),
    [
        ("suauau", 1, "suau"),
        ("suauau", 3, "su"),
        ("suauau", 99, "su"),
        ("suacau", 1, "su"),  # what is left of a turn without its question goes with it
        ("succcc", 1, "succc"),
        ("succcc", 9, "suc"),
        ("usau", 1, "su"),
        ("u", 1, "u"),
        ("sa", 1, "sa"),
    ],
)
def test_the_oldest_goes_first(before: str, count: int, after: str) -> None:
    assert letters(shortened(said(before), count)) == after


@settings(deadline=None)
@given(st.text("suac", min_size=1, max_size=40))
def test_what_is_left_makes_sense(letters_of: str) -> None:
    given_messages = said(letters_of)
    shorter = list(ever_shorter(given_messages))
    lengths = [len(given_messages), *map(len, shorter)]
    assert lengths == sorted(set(lengths), reverse=True)
    questions = [m for m in given_messages if m.role == "user"]
    for left in shorter:
        called = {call.id for m in left for call in m.tool_calls}
        assert {m.tool_call_id for m in left if m.role == "tool"} == called
        assert [m for m in left if m.role == "system"] == [m for m in given_messages if m.role == "system"]
        assert left[-1] == given_messages[-1]
        if questions:
            assert questions[-1] in left
            assert next(m for m in left if m.role != "system").role == "user"
