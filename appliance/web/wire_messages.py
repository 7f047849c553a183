"""OpenAI's messages of a chat, and how they become the engine's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from appliance.errors import RequestError
from appliance.jobs import Message, ToolCall
from appliance.web.wire_tools import check_type

MOST_MESSAGES: Final = 10_000
"""In a request. No context holds as many, and to look at a million would keep everybody else waiting."""
MOST_CALLS: Final = 1000
"""In a message."""

Role = Literal["system", "user", "assistant", "tool"]

ROLES: Final[dict[str, Role]] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
}  # fmt: skip


class ContentPart(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a message: text, or a refusal of the model's own."""

    type: str
    text: str | None = None
    refusal: str | None = None


class CalledFunction(msgspec.Struct, frozen=True, kw_only=True):
    """What was called; `arguments` is the text of a JSON object."""

    name: str
    arguments: str


class CallBody(msgspec.Struct, frozen=True, kw_only=True):
    """A call that the model made."""

    id: str
    function: CalledFunction | None = None
    type: str = "function"

    def plain(self, where: str) -> ToolCall:
        """As the engine takes it; `where` is its place in the request."""
        check_type(self.type, f"{where}.type")
        if self.function is None:
            raise RequestError(
                f"The field '{where}.function' is missing.", code="missing_field", param=f"{where}.function"
            )
        return ToolCall(self.id, self.function.name, plain_arguments(self.function.arguments, f"{where}.function"))


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the request. `developer` counts as `system`; names of participants are not shown to the model."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Annotated[list[ContentPart], Meta(max_length=MOST_MESSAGES)] | None = None
    refusal: str | None = None
    tool_calls: Annotated[list[CallBody], Meta(max_length=MOST_CALLS)] | None = None
    tool_call_id: str | None = None
    function_call: Any = None

    def plain(self, where: str) -> Message:
        """As the engine takes it; `where` is its place in the request."""
        if self.function_call is not None:
            raise RequestError(
                "function_call is not supported; use tool_calls.",
                code="unsupported_parameter",
                param=f"{where}.function_call",
            )
        role = ROLES[self.role]
        if role == "assistant":
            calls = [call.plain(f"{where}.tool_calls[{number}]") for number, call in enumerate(self.tool_calls or ())]
            content = self.content if self.content is not None else self.refusal or ""
            return Message(role, _text(content, where), tool_calls=calls)
        if not self.content and self.content != "":
            raise RequestError("The message has no content.", code="missing_field", param=f"{where}.content")
        if role == "tool" and self.tool_call_id is None:
            raise RequestError(
                "A tool's message names the call that it answers.", code="missing_field", param=f"{where}.tool_call_id"
            )
        return Message(role, _text(self.content, where), tool_call_id=self.tool_call_id if role == "tool" else None)


def plain_messages(given: Sequence[ChatMessage]) -> list[Message]:
    """As the engine takes them. Raises `RequestError` for content that is not text, and for answers to no call."""
    messages: list[Message] = []
    called: set[str] = set()
    for number, message in enumerate(given):
        plain = message.plain(f"messages[{number}]")
        called |= {call.id for call in plain.tool_calls}
        if plain.tool_call_id is not None and plain.tool_call_id not in called:
            raise RequestError(
                f"No message before this one makes the call {plain.tool_call_id[:64]!r}.",
                param=f"messages[{number}].tool_call_id",
            )
        messages.append(plain)
    return messages


def plain_arguments(arguments: str, where: str) -> str:
    """The arguments of a call, checked; none count as an empty object."""
    if not arguments.strip():
        return "{}"
    try:
        msgspec.json.decode(arguments, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise RequestError("The arguments are not a JSON object.", param=f"{where}.arguments") from None
    return arguments


def _text(content: str | Sequence[ContentPart], where: str) -> str:
    if isinstance(content, str):
        return content
    return "".join(_text_of(part, f"{where}.content") for part in content)


def _text_of(part: ContentPart, param: str) -> str:
    if part.type not in ("text", "refusal"):
        raise RequestError(
            f"Content of type {part.type[:64]!r} is not supported; send text.",
            code="unsupported_parameter",
            param=param,
        )
    text = part.text if part.type == "text" else part.refusal
    if text is None:
        raise RequestError(f"A part of the content has no {part.type}.", code="missing_field", param=param)
    return text
