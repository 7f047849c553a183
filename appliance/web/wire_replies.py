"""OpenAI's words for a chat's answer: whole, or chunk by chunk."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from appliance.web.wire_citations import ChatCitation
from appliance.web.wire_generation import Usage
from appliance.web.wire_likelihoods import Logprobs

FinishReason = Literal["stop", "length", "tool_calls"]


class FunctionBody(msgspec.Struct, frozen=True, kw_only=True):
    """What is called; `arguments` is the text of a JSON object."""

    name: str
    arguments: str


class ToolCallBody(msgspec.Struct, frozen=True, kw_only=True):
    """A call of the model's."""

    id: str
    function: FunctionBody
    type: Literal["function"] = "function"


class AnswerMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A reply. `content` is null where the model only calls tools."""

    content: str | None
    role: Literal["assistant"] = "assistant"
    refusal: None = None
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ToolCallBody] | UnsetType = UNSET
    annotations: list[ChatCitation] | UnsetType = UNSET


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One of the replies."""

    index: int
    message: AnswerMessage
    finish_reason: FinishReason
    logprobs: Logprobs | None = None


class ChatAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer without `stream`."""

    id: str
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage
    object: Literal["chat.completion"] = "chat.completion"
    service_tier: str | UnsetType = UNSET


class FunctionDelta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is new of a call's function."""

    name: str | None = None
    arguments: str


class ToolCallDelta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is new of call number `index`: first its id and name, then its arguments piece by piece."""

    index: int
    id: str | None = None
    type: str | None = None
    function: FunctionDelta


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """What is new of a reply."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType | None = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ToolCallDelta] | UnsetType = UNSET
    annotations: list[ChatCitation] | UnsetType = UNSET


class ChunkChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The next piece of one of the replies."""

    index: int
    delta: Delta
    logprobs: Logprobs | None = None
    finish_reason: FinishReason | None = None


class ChatChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Event of a stream. `usage` is null in all chunks but the last, if it was asked for."""

    id: str
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    service_tier: str | UnsetType = UNSET
    usage: Usage | UnsetType | None = UNSET
