"""What the model reads of a conversation. Append-only, so that it reuses what it has already read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from appliance.dialogue.naming import nameless
from appliance.jobs import Message, ToolCall

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from appliance.jobs import Source


class Told(Protocol):
    """An item of a conversation, as far as a prompt needs it."""

    @property
    def id(self) -> str:
        """Its name in the conversation."""

    @property
    def kind(self) -> str:
        """`message`, `function_call`, `function_call_output`; others are not told."""

    @property
    def role(self) -> Literal["system", "user", "assistant"]:
        """Who said it."""

    @property
    def status(self) -> str:
        """A call that is not `completed` is not told."""

    @property
    def words(self) -> str:
        """Text of a message: of the assistant's only what was heard."""

    @property
    def text(self) -> str:
        """Arguments of a call, or what it gave."""

    @property
    def call_id(self) -> str:
        """Which call it is, or answers."""

    @property
    def name(self) -> str:
        """What is called."""

    @property
    def sources(self) -> Sequence[Source]:
        """What a reply rests on, and where it names that."""


def messages(instructions: str, items: Iterable[Told], left_out: Collection[str] = ()) -> list[Message]:
    """As the model reads it: what was heard of its own words alone, and no call without its answer's place."""
    told = [Message("system", instructions)] if instructions else []
    called: set[str] = set()
    for item in items:
        if item.id in left_out:
            continue
        match item.kind:
            case "message":
                if words := nameless(item.words, item.sources):
                    told.append(Message(item.role, words))
            case "function_call" if item.status == "completed":
                called.add(item.call_id)
                call = ToolCall(item.call_id, item.name, item.text or "{}")
                if told and told[-1].role == "assistant":
                    before = told.pop()
                    told.append(Message("assistant", before.content, tool_calls=[*before.tool_calls, call]))
                else:
                    told.append(Message("assistant", "", tool_calls=[call]))
            case "function_call_output" if item.call_id in called:
                told.append(Message("tool", item.text, tool_call_id=item.call_id))
            case _:
                pass  # thoughts, a call that was broken off, and answers to none
    return told


def build(instructions: str, history: Sequence[Told], words: str) -> list[Message]:
    """System, then what was said before, from a question on, then what is said now."""
    first = next((at for at, item in enumerate(history) if item.role == "user" and item.words), len(history))
    return [*messages(instructions, history[first:]), Message("user", words)]


def led_by(rules: str, told: Sequence[Message]) -> list[Message]:
    """The messages with `rules` before all else. One system's message says all of it: not every template takes two."""
    if not told or told[0].role != "system":
        return [Message("system", rules), *told]
    return [Message("system", joined(rules, told[0].content)), *told[1:]]


def joined(rules: str, instructions: str) -> str:
    """Rules, and instructions that hold as far as the rules leave room."""
    return "\n\n".join(filter(None, (rules, instructions)))
