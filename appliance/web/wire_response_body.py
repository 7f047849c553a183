"""OpenAI's words for responses: the object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from appliance.web.wire_file_search import FileSearchTool
from appliance.web.wire_response_items import Item
from appliance.web.wire_responses import (
    ConversationName,
    Reasoning,
    ResponseRequest,
    TextConfig,
    ToolChoice,
    Truncation,
)
from appliance.web.wire_tools import Choosing, Function

ResponseStatus = Literal["in_progress", "completed", "incomplete", "failed"]


class InputDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Of the tokens that were read, those that had been read before."""

    cached_tokens: int
    cache_write_tokens: int = 0


class OutputDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Of the tokens that were written, those that were thoughts."""

    reasoning_tokens: int


class ResponseUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class ResponseError(msgspec.Struct, frozen=True, kw_only=True):
    """Why it failed, in one of the protocol's two words for it."""

    code: Literal["server_error", "invalid_prompt"]
    message: str


class Incomplete(msgspec.Struct, frozen=True, kw_only=True):
    """Why it is not complete."""

    reason: Literal["max_output_tokens"] = "max_output_tokens"


class FunctionTool(Function, frozen=True, kw_only=True, tag_field="type", tag="function"):
    """A function, as it was described."""


class ResponseBody(msgspec.Struct, frozen=True, kw_only=True):
    """A response."""

    id: str
    created_at: int
    model: str
    parallel_tool_calls: bool
    temperature: float
    top_p: float
    text: TextConfig
    tool_choice: Choosing | ToolChoice
    tools: list[FunctionTool | FileSearchTool]
    reasoning: Reasoning
    metadata: dict[str, str]
    truncation: Truncation
    service_tier: Literal["default", "flex"]
    store: bool
    top_logprobs: int
    object: Literal["response"] = "response"
    status: ResponseStatus = "in_progress"
    completed_at: int | None = None
    error: ResponseError | None = None
    incomplete_details: Incomplete | None = None
    output: Sequence[Item] = ()
    usage: ResponseUsage | None = None
    background: bool = False
    instructions: str | None = None
    previous_response_id: str | None = None
    conversation: ConversationName | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    @classmethod
    def begun(cls, request: ResponseRequest, response: str, model: str, now: float) -> ResponseBody:
        """The response to a request, before its first word."""
        text = request.text or TextConfig()
        return cls(
            id=response,
            created_at=int(now),
            model=model,
            parallel_tool_calls=request.parallel_tool_calls is not False,
            temperature=request.sampling.temperature,
            top_p=request.sampling.top_p,
            text=TextConfig(format=request.format, verbosity=text.verbosity or "medium"),
            tool_choice=request.tool_choice or "auto",
            tools=_tools(request),
            reasoning=request.reasoning or Reasoning(),
            metadata=request.metadata or {},
            truncation=request.truncation or "disabled",
            service_tier="flex" if request.service_tier == "flex" else "default",
            store=request.store is not False,
            top_logprobs=request.top_logprobs or 0,
            instructions=request.instructions,
            previous_response_id=request.previous_response_id,
            conversation=ConversationName(id=name) if (name := request.conversation_id) is not None else None,
            max_output_tokens=request.max_output_tokens,
            max_tool_calls=request.max_tool_calls,
            user=request.user,
            safety_identifier=request.safety_identifier,
            prompt_cache_key=request.prompt_cache_key,
        )


def _tools(request: ResponseRequest) -> list[FunctionTool | FileSearchTool]:
    told: list[FunctionTool | FileSearchTool] = [
        FunctionTool(**msgspec.structs.asdict(function)) for function in request.functions
    ]
    if (search := request.search) is not None:
        told.append(FileSearchTool.of(search.tool))
    return told


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """A response is forgotten."""

    id: str
    object: Literal["response"] = "response"
    deleted: bool = True


class ItemList(msgspec.Struct, frozen=True, kw_only=True):
    """Items of a response, a page of them."""

    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"
