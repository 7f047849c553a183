"""Tools that the model may call, and which of them it shall."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeVar

import msgspec

from appliance.errors import RequestError
from appliance.jobs import Tool
from appliance.web.wire_file_search import FILE_SEARCH, Search, Searched
from appliance.web.wire_format import check_schema

Choosing = Literal["auto", "none", "required"]
Value = TypeVar("Value")

MOST_TOOLS: Final = 128
NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function as clients describe it. Arguments keep to `parameters`, whatever `strict` says."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Toolbox(msgspec.Struct, frozen=True, kw_only=True):
    """Tools and the choice among them, as `Generate` has them."""

    tools: list[Tool] = []
    tool_choice: Choosing = "auto"
    tool_name: str | None = None


class ChatTool(msgspec.Struct, frozen=True, kw_only=True):
    """One of a chat's `tools`. A search in documents (`file_search`) is ours."""

    type: str = "function"
    function: Function | None = None
    file_search: Searched | None = None


class Named(msgspec.Struct, frozen=True):
    """A function by its name."""

    name: str


class NamedTool(msgspec.Struct, frozen=True, kw_only=True):
    """One of the tools that are allowed."""

    type: str = "function"
    function: Named | None = None


class AllowedTools(msgspec.Struct, frozen=True, kw_only=True):
    """The tools that may be called this time."""

    mode: Literal["auto", "required"]
    tools: list[NamedTool]


class ChatToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A chat's `tool_choice` that is more than a word."""

    type: str
    function: Named | None = None
    allowed_tools: AllowedTools | None = None


def chat_toolbox(given: Sequence[ChatTool] | None, choice: Choosing | ChatToolChoice | None) -> Toolbox:
    """The `tools` and `tool_choice` of a chat."""
    functions: list[Function] = []
    for number, tool in enumerate(given or ()):
        if tool.type == FILE_SEARCH:
            continue
        check_type(tool.type, f"tools[{number}].type")
        functions.append(_present(tool.function, f"tools[{number}].function"))
    tools = plain_tools(functions, "tools[{}].function")
    if chat_search(given, choice) is not None and _is_search(choice, tools):
        return toolbox(tools)
    if choice is None or isinstance(choice, str):
        return toolbox(tools, choice or "auto")
    if choice.type == "allowed_tools":
        allowed = _present(choice.allowed_tools, "tool_choice.allowed_tools")
        names = [
            _present(tool.function, f"tool_choice.allowed_tools.tools[{number}].function").name
            for number, tool in enumerate(allowed.tools)
        ]
        return toolbox(tools, allowed.mode, allowed=names)
    check_type(choice.type, "tool_choice.type")
    return toolbox(tools, "required", name=_present(choice.function, "tool_choice.function").name)


def chat_search(given: Sequence[ChatTool] | None, choice: Choosing | ChatToolChoice | None) -> Search | None:
    """The search in documents among a chat's `tools`, if there is one. Raises `RequestError` for a second."""
    found = None
    for number, tool in enumerate(given or ()):
        if tool.type == FILE_SEARCH:
            where = f"tools[{number}].file_search"
            found = one_search(_present(tool.file_search, where), where, found)
    if found is None or not _is_search(choice, [each for each in given or () if each.type != FILE_SEARCH]):
        return found
    return msgspec.structs.replace(found, forced=True)


def _is_search(choice: Choosing | ChatToolChoice | None, others: Sequence[Any]) -> bool:
    """Whether the tool that has to be called is the search."""
    return choice == "required" and not others if isinstance(choice, str | None) else choice.type == FILE_SEARCH


def one_search(tool: Searched, where: str, before: Search | None) -> Search:
    """A search that a request asks for. Raises `RequestError` where there is one `before`, or it cannot be made."""
    if before is not None:
        raise RequestError("There is one search in documents already; name all vector stores in one.", param=where)
    tool.refuse_unsupported(where)
    return Search(tool=tool, where=where)


def plain_tools(
    functions: Sequence[Function], param: str = "tools[{}]", places: Sequence[int] | None = None
) -> list[Tool]:
    """As the engine takes them. `param` says where one stood; its number, or place, is put into the braces."""
    if len(functions) > MOST_TOOLS:
        raise RequestError(f"There are {len(functions)} tools; the limit is {MOST_TOOLS}.", param="tools")
    tools: dict[str, Tool] = {}
    for number, function in enumerate(functions):
        where = param.format(number if places is None else places[number])
        if not NAME.fullmatch(function.name):
            raise RequestError(
                f"The tool name {function.name[:64]!r} is not 1 to 64 letters, digits, '_' or '-'.",
                param=f"{where}.name",
            )
        if function.name in tools:
            raise RequestError(f"There are two tools named {function.name!r}.", param=f"{where}.name")
        if function.parameters is not None:
            if function.parameters.get("type", "object") != "object":
                raise RequestError("A tool's parameters are a schema of type 'object'.", param=f"{where}.parameters")
            check_schema(function.parameters, f"{where}.parameters")
        tools[function.name] = Tool(function.name, function.description or "", function.parameters)
    return list(tools.values())


def toolbox(
    tools: Sequence[Tool],
    choice: Choosing = "auto",
    *,
    name: str | None = None,
    allowed: Sequence[str] | None = None,
    param: str = "tool_choice",
) -> Toolbox:
    """The choice among `tools`: a word, the one tool `name`, or a word about the `allowed` ones."""
    known = {tool.name for tool in tools}
    for wanted in (*(allowed or ()), *([name] if name is not None else ())):
        if wanted not in known:
            listed = f"there are {', '.join(sorted(known))}" if known else "there are none"
            raise RequestError(f"There is no tool {wanted[:64]!r}; {listed}.", param=param)
    if allowed is not None:
        tools = [tool for tool in tools if tool.name in allowed]
    if choice == "required" and not tools:
        raise RequestError("A tool call is required, but there are no tools.", param=param)
    return Toolbox(tools=list(tools), tool_choice=choice, tool_name=name)


def check_type(given: str, param: str) -> None:
    """Raise `RequestError` for a tool that is no function."""
    if given != "function":
        raise RequestError(
            f"Tools of type {given[:64]!r} are not supported here; there are functions.",
            code="unsupported_parameter",
            param=param,
        )


def _present(value: Value | None, param: str) -> Value:
    if value is None:
        raise RequestError(f"The field {param!r} is missing.", code="missing_field", param=param)
    return value
