"""The events of a response's stream. Each has a number, growing by one, and its type for a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from appliance.web.wire_citations import FileCitation
from appliance.web.wire_likelihoods import TokenLogprob
from appliance.web.wire_response_body import ResponseBody
from appliance.web.wire_response_items import Item, OutputText, ReasoningText


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all events."""

    type: str
    sequence_number: int


class ResponseEvent(Event, frozen=True, kw_only=True):
    """The whole response, as it is now."""

    type: Literal[
        "response.created", "response.in_progress", "response.completed", "response.incomplete", "response.failed"
    ]
    response: ResponseBody


class ItemEvent(Event, frozen=True, kw_only=True):
    """An item begins, or is done."""

    type: Literal["response.output_item.added", "response.output_item.done"]
    output_index: int
    item: Item


class InItem(Event, frozen=True, kw_only=True):
    """Base of what happens inside an item."""

    item_id: str
    output_index: int


class PartEvent(InItem, frozen=True, kw_only=True):
    """A part of an item's content begins, or is done."""

    type: Literal["response.content_part.added", "response.content_part.done"]
    part: OutputText | ReasoningText
    content_index: int = 0


class TextDelta(InItem, frozen=True, kw_only=True):
    """More text."""

    delta: str
    logprobs: Sequence[TokenLogprob]
    content_index: int = 0
    type: Literal["response.output_text.delta"] = "response.output_text.delta"


class TextDone(InItem, frozen=True, kw_only=True):
    """The whole text."""

    text: str
    logprobs: Sequence[TokenLogprob]
    content_index: int = 0
    type: Literal["response.output_text.done"] = "response.output_text.done"


class AnnotationAdded(InItem, frozen=True, kw_only=True):
    """The text rests on something."""

    annotation: FileCitation
    annotation_index: int
    content_index: int = 0
    type: Literal["response.output_text.annotation.added"] = "response.output_text.annotation.added"


class ReasoningDelta(InItem, frozen=True, kw_only=True):
    """More thoughts."""

    delta: str
    content_index: int = 0
    type: Literal["response.reasoning_text.delta"] = "response.reasoning_text.delta"


class ReasoningDone(InItem, frozen=True, kw_only=True):
    """All thoughts."""

    text: str
    content_index: int = 0
    type: Literal["response.reasoning_text.done"] = "response.reasoning_text.done"


class ArgumentsDelta(InItem, frozen=True, kw_only=True):
    """More of a call's arguments."""

    delta: str
    type: Literal["response.function_call_arguments.delta"] = "response.function_call_arguments.delta"


class ArgumentsDone(InItem, frozen=True, kw_only=True):
    """All of a call's arguments."""

    name: str
    arguments: str
    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"


class ErrorEvent(Event, frozen=True, kw_only=True):
    """What went wrong, by the box's own code; the failed response follows."""

    code: str
    message: str
    param: str | None
    type: Literal["error"] = "error"
