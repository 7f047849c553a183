"""The prompt of a turn. Append-only, so that the language model reuses what it has already read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.jobs import Message

if TYPE_CHECKING:
    from collections.abc import Sequence


def build(instructions: str, history: Sequence[Message], words: str) -> list[Message]:
    """System, then what was said before, then what is said now."""
    system = [Message("system", instructions)] if instructions else []
    return [*system, *history, Message("user", words)]


def shortened(messages: Sequence[Message], keep: float) -> list[Message] | None:
    """Without the oldest ones: about the share `keep` of all characters stays, and so do system and last message.

    A tool's answer does not stay without its call. None if nothing can go.
    """
    first = 1 if messages and messages[0].role == "system" else 0
    spare = (1 - keep) * sum(_size(message) for message in messages)
    start = first
    while start < len(messages) - 1 and (spare > 0 or messages[start].role == "tool"):
        spare -= _size(messages[start])
        start += 1
    return [*messages[:first], *messages[start:]] if start > first else None


def _size(message: Message) -> int:
    return len(message.content) + sum(len(call.arguments) for call in message.tool_calls)
