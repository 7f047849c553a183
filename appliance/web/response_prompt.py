"""What the model reads for a response: earlier items and new ones as messages, and fewer of them if need be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from appliance.dialogue.naming import nameless
from appliance.errors import RequestError
from appliance.jobs import Message, ToolCall
from appliance.web.wire_messages import ROLES
from appliance.web.wire_response_items import CallItem, CallOutputItem, Item, MessageItem, ReasoningItem


def check_outputs(earlier: Sequence[Item], new: Sequence[Item]) -> None:
    """Raise `RequestError` for an output in the new input that answers no call."""
    called = {item.call_id for item in earlier if isinstance(item, CallItem)}
    for number, item in enumerate(new):
        if isinstance(item, CallItem):
            called.add(item.call_id)
        elif isinstance(item, CallOutputItem) and item.call_id not in called:
            raise RequestError(
                f"No item before this one makes the call {item.call_id[:64]!r}.", param=f"input[{number}].call_id"
            )


def messages(instructions: str | None, items: Sequence[Item]) -> list[Message]:
    """Items as the engine takes them.

    Calls belong to the assistant's message before them. Thoughts, calls that were cut off and their outputs are left
    out.
    """
    found = [Message("system", instructions)] if instructions else []
    called = set()
    calls: dict[int, list[ToolCall]] = {}
    for item in items:
        match item:
            case MessageItem(role=role):
                found.append(Message(ROLES[role], nameless(item.text, item.sources)))
            case CallItem() if item.status != "incomplete":
                called.add(item.call_id)
                if not found or found[-1].role != "assistant":
                    found.append(Message("assistant", ""))
                calls.setdefault(len(found) - 1, []).append(ToolCall(item.call_id, item.name, item.arguments))
            case CallOutputItem() if item.call_id in called:
                found.append(Message("tool", item.text, tool_call_id=item.call_id))
            case CallItem() | CallOutputItem() | ReasoningItem():
                pass
    for at, made in calls.items():
        found[at] = replace(found[at], tool_calls=made)
    return found


def ever_shorter(given: Sequence[Message]) -> Iterator[list[Message]]:
    """The messages without the 1, 2, 3, 4, 6, 9, 13 ... oldest exchanges: few tries, and not much too short."""
    count, last = 0, len(given)
    while count < len(given):
        count += max(1, count // 2)
        shorter = shortened(given, count)
        if len(shorter) < last:
            last = len(shorter)
            yield shorter


def shortened(given: Sequence[Message], count: int) -> list[Message]:
    """Messages without the `count` oldest exchanges, or all that may go.

    An exchange is a message with the answers to its calls. The system's messages, the last question and the last
    exchange stay. What is left of an earlier turn whose question went, goes too: templates want a question first.
    """
    owners = {call.id: number for number, message in enumerate(given) for call in message.tool_calls}
    exchange = [owners.get(each.tool_call_id or "", number) for number, each in enumerate(given)]
    question = max((number for number, message in enumerate(given) if message.role == "user"), default=-1)
    kept = {question, exchange[-1], *(number for number, message in enumerate(given) if message.role == "system")}
    may_go = sorted(set(exchange) - kept)
    gone = set(may_go[:count])
    for number in may_go[count:]:
        if number > question or given[number].role == "user":
            break
        gone.add(number)
    return [message for number, message in enumerate(given) if exchange[number] not in gone]
