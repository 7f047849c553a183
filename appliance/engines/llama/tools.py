"""Calls of tools as text, in the form that Hermes introduced and Qwen uses:

    <tool_call>
    {"name": "weather", "arguments": {"city": "Ulm"}}
    </tool_call>

A grammar holds the model to it, so that whatever is read as a call is one, with arguments of the tool's schema.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from appliance.engines.llama.grammar import json_rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.jobs import Generate, Tool, ToolCall

_HEADER: Final = "%llguidance {}\n"
CALL, CALL_END = "<tool_call>", "</tool_call>"

_ANYTHING: Final = r"/(.|\n)*/"
_NO_THOUGHT: Final = r"~/[ \t\r\n]*<think>(.|\n)*/"


def instructions(tools: Sequence[Tool]) -> str:
    """What a model without a place for tools in its template is told."""
    lines = [
        json.dumps(
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters or {}},
            ensure_ascii=False,
        )
        for tool in tools
    ]
    listed = "\n".join(lines)
    return (
        f"You can call these functions, given as JSON, one a line:\n{listed}\n"
        f"To call one, write its name and arguments as JSON between {CALL} and {CALL_END}."
    )


def as_text(call: ToolCall) -> str:
    """A call as the model writes it."""
    return f'{CALL}\n{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}\n{CALL_END}'


def response(content: str) -> str:
    """A call's result as a model without a role for it reads it."""
    return f"<tool_response>\n{content}\n</tool_response>"


def grammars(job: Generate, *, thinks: bool, thinking: bool) -> Sequence[tuple[str, str]]:
    """The form that a reply must have, as llguidance's Lark dialect, and the field that asked for it.

    It is the last one; one before it is there to see whether its field is at fault. None: any text will do.
    `thinks`: a thought may come first; `thinking`: one is open already when the reply begins.
    """
    tools = _offered(job)
    form = job.schema if job.schema is not None else {"type": "object"} if job.json else None
    if tools and (job.tool_choice == "required" or job.tool_name):
        rules = [f'start: "{CALL}" call{_more(job)}']
    elif tools and form is not None:
        rules = [f'start: plain | "{CALL}" call{_more(job)}', f"plain: {json_rule(form)}"]
    elif tools:
        # In a reply that may begin with a thought, what begins like one is one, and no call is read in it.
        no_thought = f" & {_NO_THOUGHT}" if thinks and not thinking else ""
        rules = [
            f"start: plain | head call{_more(job)}", "plain: PLAIN", f"PLAIN: {_ANYTHING}{no_thought}",
            "head[lazy]: HEAD", f'HEAD: ({_ANYTHING} "{CALL}"){no_thought}',
        ]  # fmt: skip
    elif form is not None:
        rules = [f"start: {json_rule(form)}"]
    else:
        return []
    if tools:
        rules += [f'call: "\\n" {json_rule(_call_schema(tools))} "\\n{CALL_END}"', f'again: "\\n{CALL}" call']
    if thinks or thinking:
        opening = "" if thinking else '"<think>" '
        rules[0] = "body" + rules[0].removeprefix("start")
        start = f"start: {opening}thought gap body" + ("" if thinking else " | body")
        rules = [start, f'thought[lazy]: {_ANYTHING} "</think>"', r"gap: /\n{0,2}/", *rules]
    whole = _HEADER + "\n".join(rules)
    if not tools:
        return [(whole, "response_format")]
    formed = [(f"{_HEADER}start: {json_rule(form)}", "response_format")] if form is not None else []
    return [*formed, (whole, "tools")]


def _offered(job: Generate) -> Sequence[Tool]:
    if job.tool_name is not None:
        return [tool for tool in job.tools if tool.name == job.tool_name]
    return () if job.tool_choice == "none" else job.tools


def _more(job: Generate) -> str:
    return " again*" if job.parallel_tool_calls else ""


def _call_schema(tools: Sequence[Tool]) -> dict[str, Any]:
    calls = []
    for number, tool in enumerate(tools):
        place = "#/properties/arguments" if len(tools) == 1 else f"#/anyOf/{number}/properties/arguments"
        arguments = _moved(tool.parameters, place) if tool.parameters else {"type": "object"}
        calls.append(
            {
                "type": "object",
                "properties": {"name": {"const": tool.name}, "arguments": arguments},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
        )
    return calls[0] if len(calls) == 1 else {"anyOf": calls}


def _moved(schema: Any, place: str) -> Any:
    """A schema whose references to its own root still hold when it stands at `place` in a larger one."""
    if isinstance(schema, list):
        return [_moved(each, place) for each in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {key: _moved(value, place) for key, value in schema.items()}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        moved["$ref"] = place + reference[1:]
    return moved
