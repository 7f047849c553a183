"""OpenAI's words for a chat: the request. `wire_replies` has the answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from appliance.errors import RequestError
from appliance.jobs import Generate, Priority
from appliance.web.wire_conversation_id import ConversationId
from appliance.web.wire_file_search import Search
from appliance.web.wire_format import ReplyFormat, ResponseFormat
from appliance.web.wire_generation import GenerationBody, TokenCount, repeated
from appliance.web.wire_messages import MOST_MESSAGES, ChatMessage, plain_messages
from appliance.web.wire_tools import ChatTool, ChatToolChoice, Choosing, chat_search, chat_toolbox

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast"]


class TemplateFields(msgspec.Struct, frozen=True, kw_only=True):
    """What the model's template is told besides the messages."""

    enable_thinking: bool | None = None


class ChatRequest(GenerationBody, kw_only=True):
    """Body of `/v1/chat/completions`. What no field names is ignored.

    `conversation` is ours: the messages go on from what was said in it, and are added to it with the reply.
    """

    messages: Annotated[list[ChatMessage], Meta(min_length=1, max_length=MOST_MESSAGES)]
    max_completion_tokens: TokenCount | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    tools: list[ChatTool] | None = None
    tool_choice: Choosing | ChatToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Effort | None = None
    chat_template_kwargs: TemplateFields | None = None
    service_tier: ServiceTier | None = None
    modalities: list[str] | None = None
    conversation: ConversationId | None = None
    functions: Any = None
    function_call: Any = None
    audio: Any = None
    prediction: Any = None
    web_search_options: Any = None
    moderation: Any = None

    def jobs(self) -> list[Generate]:
        """A job for each choice. Raises `RequestError` for what this box does not do."""
        self._refuse_unsupported()
        tools = chat_toolbox(self.tools, self.tool_choice)
        form = self.response_format.plain() if self.response_format else ReplyFormat()
        job = Generate(
            messages=plain_messages(self.messages),
            tools=tools.tools,
            tool_choice=tools.tool_choice,
            tool_name=tools.tool_name,
            parallel_tool_calls=self.parallel_tool_calls is not False and tools.tool_name is None,
            thinking=self._thinking(),
            priority=priority(self.service_tier),
            max_tokens=self.max_completion_tokens or self.max_tokens,
            sampling=self.sampling(),
            stop=self.stops,
            json=form.json,
            schema=form.schema,
            logprobs=self._alternatives(),
        )
        return repeated(job, self.n or 1)

    @property
    def search(self) -> Search | None:
        """The search in documents that the model may make. Raises `RequestError`."""
        return chat_search(self.tools, self.tool_choice)

    def _thinking(self) -> bool | None:
        if self.chat_template_kwargs and self.chat_template_kwargs.enable_thinking is not None:
            return self.chat_template_kwargs.enable_thinking
        return thinking(self.reasoning_effort)

    def _alternatives(self) -> int | None:
        if self.logprobs:
            return self.top_logprobs or 0
        if self.top_logprobs:
            raise RequestError("top_logprobs needs logprobs to be true.", param="top_logprobs")
        return None

    def _refuse_unsupported(self) -> None:
        """Better a clear refusal than an answer that ignores what was asked for."""
        asked = {
            "functions": (self.functions, "; use tools"),
            "function_call": (self.function_call, "; use tool_choice"),
            "audio": (self.audio, ""),
            "prediction": (self.prediction, ""),
            "web_search_options": (self.web_search_options, ""),
            "moderation": (self.moderation, ""),
            "modalities": (self.modalities if set(self.modalities or ()) - {"text"} else None, " beyond text"),
        }
        for name, (value, hint) in asked.items():
            if value is not None and value != []:
                raise RequestError(f"{name} is not supported{hint}.", code="unsupported_parameter", param=name)


def thinking(effort: Effort | None) -> bool | None:
    """Whether the model shall think first; None leaves it to the model."""
    return None if effort is None else effort != "none"


def priority(tier: ServiceTier | None) -> Priority:
    """Who waits for the reply."""
    return "background" if tier == "flex" else "typed"
