"""Items between the words of OpenAI's protocol and what the box remembers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import UNSET

from appliance.ids import new_id
from appliance.jobs import Message
from appliance.store.items import Item as Kept
from appliance.store.items import Status
from appliance.web.replies import Reply
from appliance.web.wire_citations import citations, cited
from appliance.web.wire_messages import ROLES
from appliance.web.wire_response_items import (
    CallItem,
    CallOutputItem,
    InputText,
    Item,
    MessageItem,
    OutputText,
    ReasoningItem,
    ReasoningText,
)


def shown(item: Kept) -> Item:
    """An item as clients get it."""
    status, at = item.status, item.created_ms // 1000 or UNSET
    match item.kind:
        case "message":
            clip = True if item.clip else UNSET
            said = OutputText(text=item.words, annotations=citations(cited(item.sources, item.words)), clip=clip)
            part = said if item.role == "assistant" else InputText(text=item.words, clip=clip)
            return MessageItem(id=item.id, role=item.role, content=[part], status=status, created_at=at)
        case "function_call":
            return CallItem(
                id=item.id, call_id=item.call_id, name=item.name, arguments=item.text, status=status, created_at=at
            )
        case "function_call_output":
            return CallOutputItem(
                id=item.id, call_id=item.call_id, output=item.text, status=status, created_at=at
            )  # fmt: skip
        case "reasoning":
            return ReasoningItem(
                id=item.id, content=[ReasoningText(text=item.text)], status=status, created_at=at
            )  # fmt: skip


def kept(item: Item) -> Kept:
    """An item as it is remembered."""
    match item:
        case MessageItem(role=role):
            known = ROLES[role]
            return Kept(
                id=item.id, role="user" if known == "tool" else known, words=item.text, status=item.status,
                sources=tuple(item.sources),
            )  # fmt: skip
        case CallItem():
            return Kept(
                id=item.id, kind="function_call", role="assistant", status=item.status, text=item.arguments,
                call_id=item.call_id, name=item.name,
            )  # fmt: skip
        case CallOutputItem():
            return Kept(
                id=item.id, kind="function_call_output", status=item.status, text=item.text, call_id=item.call_id
            )
        case ReasoningItem():
            thoughts = [part.text for part in item.summary] + [part.text for part in item.content]
            return Kept(id=item.id, kind="reasoning", role="assistant", status=item.status, text="".join(thoughts))


def kept_messages(messages: Iterable[Message]) -> list[Kept]:
    """The messages of a chat as they are remembered. The system's are not: each request brings its own."""
    found = []
    for message in messages:
        match message.role:
            case "user":
                found.append(Kept(id=new_id("msg"), role="user", words=message.content))
            case "assistant":
                if message.content:
                    found.append(Kept(id=new_id("msg"), role="assistant", words=message.content))
                found += [_call(call.id, call.name, call.arguments) for call in message.tool_calls]
            case "tool":
                call_id = message.tool_call_id or ""
                found.append(Kept(id=new_id("fco"), kind="function_call_output", text=message.content, call_id=call_id))
            case "system":
                pass
    return found


def kept_reply(reply: Reply) -> Sequence[Kept]:
    """A reply as it is remembered, as far as it has come."""
    status: Status = "completed" if reply.end is not None and reply.end.finish_reason != "length" else "incomplete"
    found = []
    if text := "".join(reply.text):
        sources = tuple(reply.end.sources) if reply.end is not None else ()
        found.append(Kept(id=new_id("msg"), role="assistant", words=text, status=status, sources=sources))
    if reply.end is not None:
        found += [
            _call(call.id, call.name, "".join(reply.arguments[number])) for number, call in sorted(reply.calls.items())
        ]
    return found


def _call(call_id: str, name: str, arguments: str) -> Kept:
    return Kept(
        id=new_id("fc"), kind="function_call", role="assistant", text=arguments, call_id=call_id, name=name
    )  # fmt: skip
