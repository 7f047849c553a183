"""OpenAI's words for chat completions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from appliance.errors import RequestError
from appliance.jobs import Message

MOST = 2**63 - 1
"""Largest integer that crosses to a worker."""

FinishReason = Literal["stop", "length"]


class TextPart(msgspec.Struct, frozen=True):
    """A piece of a message."""

    type: str
    text: str = ""


class ChatMessage(msgspec.Struct, frozen=True):
    """A message of the request. `developer` counts as `system`."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart] | None

    def plain(self, number: int) -> Message:
        """As the engine takes it. Raises `RequestError` for content that is not text."""
        role: Literal["system", "user", "assistant"] = "system" if self.role == "developer" else self.role
        if self.content is None:
            if role == "assistant":
                return Message(role, "")
            raise RequestError("The message has no content.", code="missing_field", param=f"messages[{number}].content")
        if isinstance(self.content, str):
            return Message(role, self.content)
        for part in self.content:
            if part.type != "text":
                raise RequestError(
                    f"Content of type {part.type!r} is not supported; send text.",
                    code="unsupported_parameter",
                    param=f"messages[{number}].content",
                )
        return Message(role, "".join(part.text for part in self.content))


class StreamOptions(msgspec.Struct, frozen=True):
    """Extras of a stream."""

    include_usage: bool = False


class ChatRequest(msgspec.Struct, kw_only=True):
    """Body of `/v1/chat/completions`."""

    messages: Annotated[list[ChatMessage], Meta(min_length=1)]
    model: str = "default"
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=MOST)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1, le=MOST)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    seed: Annotated[int, Meta(ge=-MOST, le=MOST)] | None = None
    stop: Annotated[list[str], Meta(max_length=16)] | str | None = None
    n: int | None = None
    tools: list[Any] | None = None
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None

    def refuse_unsupported(self) -> None:
        """Better a clear refusal than an answer that ignores what was asked for."""
        asked = {
            "n": self.n not in (None, 1),
            "tools": bool(self.tools),
            "response_format": (self.response_format or {}).get("type", "text") != "text",
            "logprobs": bool(self.logprobs),
            "frequency_penalty": bool(self.frequency_penalty),
            "presence_penalty": bool(self.presence_penalty),
            "logit_bias": bool(self.logit_bias),
        }
        for name, used in asked.items():
            if used:
                raise RequestError(f"{name} is not supported yet.", code="unsupported_parameter", param=name)


class Usage(msgspec.Struct, frozen=True):
    """Tokens of the prompt and of the reply."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AnswerMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The reply."""

    content: str
    role: Literal["assistant"] = "assistant"
    refusal: str | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The one answer."""

    message: AnswerMessage
    finish_reason: FinishReason
    index: int = 0
    logprobs: None = None


class ChatAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer without `stream`."""

    id: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    object: Literal["chat.completion"] = "chat.completion"


class Delta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is new."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The one answer's next piece."""

    delta: Delta
    finish_reason: FinishReason | None = None
    index: int = 0
    logprobs: None = None


class ChatChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Event of a stream."""

    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
