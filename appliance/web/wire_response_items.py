"""The items that a response reads and writes: messages, calls, their outputs, thoughts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from appliance.errors import RequestError
from appliance.ids import new_id
from appliance.jobs import Source
from appliance.web.faults import missing_field
from appliance.web.wire_citations import FileCitation
from appliance.web.wire_likelihoods import TokenLogprob
from appliance.web.wire_messages import plain_arguments
from appliance.web.wire_tools import Function, check_type

Status = Literal["in_progress", "completed", "incomplete"]
Id = Annotated[str, Meta(min_length=1, max_length=128)]
Wanted = TypeVar("Wanted")

PLACE: Final = re.compile(r" - at `\$([^`]*)`$")


class InputText(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="input_text"):
    """Text for the model. `clip`, ours: it was said aloud, and `…/audio` of its item has the sound."""

    text: str
    clip: bool | UnsetType = UNSET


class OutputText(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="output_text"):
    """Text of the model's. `clip`: see `InputText`."""

    text: str
    clip: bool | UnsetType = UNSET
    annotations: list[FileCitation] = []
    logprobs: list[TokenLogprob] = []


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="refusal"):
    """A refusal in another model's words; ours are plain text."""

    refusal: str


class ReasoningText(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="reasoning_text"):
    """Thoughts."""

    text: str


class SummaryText(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="summary_text"):
    """Thoughts in short, from another model; ours come whole."""

    text: str


class MessageItem(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="message"):
    """A message from either side. `developer` counts as `system`.

    `created_at`, ours: of what is kept in a conversation, in seconds since the epoch.
    """

    id: Id
    role: Literal["system", "developer", "user", "assistant"]
    content: list[InputText | OutputText | Refusal]
    status: Status = "completed"
    created_at: int | UnsetType = UNSET

    @property
    def text(self) -> str:
        """All of its content."""
        return "".join(part.refusal if isinstance(part, Refusal) else part.text for part in self.content)

    @property
    def sources(self) -> list[Source]:
        """What its content rests on."""
        parts = (part for part in self.content if isinstance(part, OutputText))
        return [citation.source for part in parts for citation in part.annotations]


class CallItem(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="function_call"):
    """A call that the model made; `arguments` is the text of a JSON object."""

    id: Id
    call_id: Id
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    arguments: str
    status: Status = "completed"
    created_at: int | UnsetType = UNSET


class CallOutputItem(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="function_call_output"):
    """What a call gave."""

    id: Id
    call_id: Id
    output: str | list[InputText]
    status: Status = "completed"
    created_at: int | UnsetType = UNSET

    @property
    def text(self) -> str:
        """All of it."""
        return self.output if isinstance(self.output, str) else "".join(part.text for part in self.output)


class ReasoningItem(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="reasoning"):
    """What the model thought before. It is not told to it again."""

    id: Id
    summary: list[SummaryText] = []
    content: list[ReasoningText] = []
    encrypted_content: str | None = None
    status: Status = "completed"
    created_at: int | UnsetType = UNSET


class ItemReference(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="item_reference"):
    """An item of a kept response, by its id."""

    id: Id


Item = MessageItem | CallItem | CallOutputItem | ReasoningItem

PREFIXES: Final = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}
KINDS: Final[dict[str, type[Item | ItemReference]]] = {
    "message": MessageItem,
    "function_call": CallItem,
    "function_call_output": CallOutputItem,
    "reasoning": ReasoningItem,
    "item_reference": ItemReference,
}
TEXTS: Final = {"message": ("input_text", "output_text", "refusal"), "function_call_output": ("input_text",)}


def kept_items(raw: Sequence[dict[str, Any]]) -> list[Item]:
    """Items as they were kept."""
    return msgspec.convert(raw, list[Item])


def raw_items(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Items as they are kept."""
    return [msgspec.to_builtins(item) for item in items]


def read_items(given: str | Sequence[dict[str, Any]], param: str = "input") -> list[Item | ItemReference]:
    """A request's items; `param` is the field that has them. Raises `RequestError` that names the place."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    return [_read_item(raw, f"{param}[{number}]") for number, raw in enumerate(given)]


def _read_item(given: dict[str, Any], where: str) -> Item | ItemReference:
    raw = {key: value for key, value in given.items() if value is not None and key != "created_at"}  # the box's to say
    kind = raw.setdefault("type", "message" if "role" in raw or "id" not in raw else "item_reference")
    if not isinstance(kind, str) or kind not in KINDS:
        raise RequestError(
            f"Items of type {str(kind)[:64]!r} are not supported; there are {', '.join(KINDS)}.",
            code="unsupported_parameter",
            param=f"{where}.type",
        )
    if kind in PREFIXES:
        raw.setdefault("id", new_id(PREFIXES[kind]))
    if kind == "message":
        raw["content"] = _parts(raw.get("content"), kind, f"{where}.content", assistant=raw.get("role") == "assistant")
    elif kind == "function_call_output" and isinstance(raw.get("output"), list):
        raw["output"] = _parts(raw["output"], kind, f"{where}.output")
    item = converted(raw, KINDS[kind], where)
    if isinstance(item, CallItem) and item.status != "incomplete":  # a call that was cut off is not told to the model
        return msgspec.structs.replace(item, arguments=plain_arguments(item.arguments, where))
    return item


def _parts(content: Any, kind: str, where: str, *, assistant: bool = False) -> list[Any]:
    """Content as a list of known parts."""
    if content is None:
        raise RequestError("The message has no content.", code="missing_field", param=where)
    if isinstance(content, str):
        return [{"type": "output_text" if assistant else "input_text", "text": content}]
    if not isinstance(content, list):
        raise RequestError(f"{where}: send a string or a list of parts.", param=where)
    parts = []
    for number, given in enumerate(content):
        part = given
        if isinstance(given, dict):  # that there is a clip is the box's to say
            part = {key: value for key, value in given.items() if value is not None and key != "clip"}
        form = part.get("type") if isinstance(part, dict) else None
        if isinstance(form, str) and form not in TEXTS[kind]:
            raise RequestError(
                f"Content of type {form[:64]!r} is not supported here; there is {', '.join(TEXTS[kind])}.",
                code="unsupported_parameter",
                param=f"{where}[{number}]",
            )
        parts.append({**part, "annotations": []} if form == "output_text" else part)  # they name other boxes' files
    return parts


def plain_functions(
    tools: Sequence[dict[str, Any]], param: str = "tools[{}]", *, beside: str | None = None
) -> list[Function]:
    """Tools as clients send them, without those of the type `beside`. `param` says where one stood.

    Raises `RequestError` for one that is no function.
    """
    found = []
    for number, tool in enumerate(tools):
        where = param.format(number)
        if beside is not None and tool.get("type") == beside:
            continue
        check_type(str(tool.get("type", "function")), f"{where}.type")
        found.append(converted(tool, Function, where))
    return found


def converted(raw: Any, kind: type[Wanted], where: str) -> Wanted:
    """A struct from plain values. Raises `RequestError` that names the place below `where`."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        message = str(error)
        place = PLACE.search(message)
        where += place[1] if place else ""
        message = PLACE.sub("", message)
        known = missing_field(message, f"{where}.")
        raise known or RequestError(f"{where}: {message}", param=where) from error
