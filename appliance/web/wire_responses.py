"""OpenAI's words for responses: the request. Items, the object and events have files of their own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from appliance.errors import RequestError
from appliance.jobs import Generate, Message, Sampling
from appliance.web.wire_chat import Effort, priority, thinking
from appliance.web.wire_conversation_id import ConversationId
from appliance.web.wire_file_search import FILE_SEARCH, Search, Searched
from appliance.web.wire_format import FormatType, ReplyFormat, reply_format
from appliance.web.wire_generation import TokenCount
from appliance.web.wire_messages import MOST_MESSAGES
from appliance.web.wire_response_items import converted, plain_functions
from appliance.web.wire_tools import Choosing, Function, Toolbox, check_type, one_search, plain_tools, toolbox

LOGPROBS = "message.output_text.logprobs"

Include = Literal[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
]
"""All but the figures of the text belong to what there is not here, so there is nothing to add for them."""

Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]], Meta(max_length=16)
]
Tier = Literal["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]
Truncation = Literal["auto", "disabled"]


class TextFormat(msgspec.Struct, frozen=True, kw_only=True):
    """Form of the reply. Every schema is kept strictly, whatever `strict` says."""

    type: FormatType = "text"
    name: str | UnsetType = UNSET
    schema: dict[str, Any] | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    strict: bool | UnsetType | None = UNSET

    def plain(self) -> ReplyFormat:
        """As the engine takes it."""
        if self.type != "json_schema":
            return reply_format(self.type, None, "text.format")
        for field, value in (("name", self.name), ("schema", self.schema)):
            if value is UNSET:
                param = f"text.format.{field}"
                raise RequestError(f"The field {param!r} is missing.", code="missing_field", param=param)
        return reply_format(self.type, self.schema or {}, "text.format.schema")


class TextConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the text shall be. `verbosity` changes nothing."""

    format: TextFormat | None = TextFormat()
    verbosity: Literal["low", "medium", "high"] | None = None


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """Whether to think first; thoughts are given whole, so `summary` changes nothing."""

    effort: Effort | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


class ToolName(msgspec.Struct, frozen=True, kw_only=True):
    """A function by its name."""

    type: str
    name: str = ""


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A choice that is more than a word: one function, or the allowed ones."""

    type: str
    name: str | UnsetType = UNSET
    mode: Literal["auto", "required"] | UnsetType = UNSET
    tools: list[ToolName] | UnsetType = UNSET


class ConversationName(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation by its id."""

    id: ConversationId


class ResponseRequest(msgspec.Struct, kw_only=True):
    """Body of `/v1/responses`."""

    input: str | Annotated[list[dict[str, Any]], Meta(max_length=MOST_MESSAGES)] | None = None
    model: str | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    max_output_tokens: TokenCount | None = None
    max_tool_calls: TokenCount | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    include: list[Include] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Choosing | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: TextConfig | None = None
    reasoning: Reasoning | None = None
    store: bool | None = None
    stream: bool | None = None
    metadata: Metadata | None = None
    truncation: Truncation | None = None
    service_tier: Tier | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    background: bool | None = None
    conversation: ConversationId | ConversationName | None = None
    prompt: Any = None
    moderation: Any = None
    context_management: Any = None

    def refuse_unsupported(self) -> None:
        """Better a clear refusal than an answer that ignores what was asked for."""
        for name in ("background", "prompt", "moderation", "context_management"):
            if getattr(self, name):
                raise RequestError(f"{name} is not supported.", code="unsupported_parameter", param=name)
        if self.conversation is not None and self.previous_response_id is not None:
            raise RequestError("Go on from a conversation or from a response, not from both.", param="conversation")

    @property
    def conversation_id(self) -> str | None:
        """The conversation to go on from."""
        given = self.conversation
        return given.id if isinstance(given, ConversationName) else given

    @property
    def sampling(self) -> Sampling:
        """As the engine takes it."""
        given = {"temperature": self.temperature, "top_p": self.top_p}
        return msgspec.structs.replace(Sampling(), **{name: it for name, it in given.items() if it is not None})

    @property
    def format(self) -> TextFormat:
        """Form of the reply."""
        return (self.text and self.text.format) or TextFormat()

    def job(self, messages: list[Message]) -> Generate:
        """What the engine is asked for. Raises `RequestError` for tools and forms that there are not here."""
        tools, form = self.toolbox(), self.format.plain()
        return Generate(
            messages=messages,
            tools=tools.tools,
            tool_choice=tools.tool_choice,
            tool_name=tools.tool_name,
            parallel_tool_calls=self.parallel_tool_calls is not False,
            thinking=thinking(self.reasoning.effort if self.reasoning else None),
            priority=priority("flex" if self.service_tier == "flex" else None),
            max_tokens=self.max_output_tokens,
            sampling=self.sampling,
            json=form.json,
            schema=form.schema,
            logprobs=(self.top_logprobs or 0) if LOGPROBS in (self.include or ()) else None,
        )

    @property
    def functions(self) -> list[Function]:
        """The tools that are functions. Raises `RequestError` for one that is neither that nor a search."""
        return plain_functions(self.tools or (), beside=FILE_SEARCH)

    @property
    def search(self) -> Search | None:
        """The search in documents that the model may make. Raises `RequestError`."""
        found, choice = None, self.tool_choice
        for number, tool in enumerate(self.tools or ()):
            if tool.get("type") == FILE_SEARCH:
                where = f"tools[{number}]"
                found = one_search(converted(tool, Searched, where), where, found)
        if found is None or choice is None or choice in ("auto", "none"):
            return found
        if not isinstance(choice, ToolChoice):
            return msgspec.structs.replace(found, forced=not self.functions)
        if choice.type != "allowed_tools":
            return msgspec.structs.replace(found, forced=choice.type == FILE_SEARCH)
        allowed = () if choice.tools is UNSET else choice.tools
        if not any(tool.type == FILE_SEARCH for tool in allowed):
            return None
        return msgspec.structs.replace(found, forced=choice.mode == "required" and len(allowed) == 1)

    def toolbox(self) -> Toolbox:
        """Tools and the choice among them, as the engine takes them."""
        tools, choice, search = plain_tools(self.functions), self.tool_choice, self.search
        if search is not None and search.forced:
            return toolbox([] if isinstance(choice, ToolChoice) and choice.type == "allowed_tools" else tools)
        if choice is None or isinstance(choice, str):
            return toolbox(tools, choice or "auto")
        if choice.type == "allowed_tools":
            if not choice.mode or choice.tools is UNSET:
                field = "tool_choice.tools" if choice.mode else "tool_choice.mode"
                raise RequestError(f"The field {field!r} is missing.", code="missing_field", param=field)
            functions = []
            for number, allowed in enumerate(choice.tools):
                if allowed.type != FILE_SEARCH or search is None:
                    check_type(allowed.type, f"tool_choice.tools[{number}].type")
                    functions.append(allowed.name)
            return toolbox(tools, choice.mode, allowed=functions)
        check_type(choice.type, "tool_choice.type")
        if not choice.name:
            raise RequestError("The function to call is not named.", code="missing_field", param="tool_choice.name")
        return toolbox(tools, "required", name=choice.name)
