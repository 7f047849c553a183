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
