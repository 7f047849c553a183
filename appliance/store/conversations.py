"""What was said in each conversation, so that the next turn can go on from it.

Kept in memory and bounded: the conversation unused for longest goes first, and all go with the process.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from appliance.jobs import Message

if TYPE_CHECKING:
    from collections.abc import Sequence


class Conversations:
    """Messages by conversation id; `most` conversations of `longest` messages each."""

    def __init__(self, most: int, longest: int) -> None:
        self._most, self._longest = most, longest
        self._messages: OrderedDict[str, list[Message]] = OrderedDict()

    def history(self, conversation: str) -> Sequence[Message]:
        """What was said so far, oldest first; nothing for an unknown id."""
        if conversation not in self._messages:
            return ()
        self._messages.move_to_end(conversation)
        return tuple(self._messages[conversation])

    def append(self, conversation: str, words: str, reply: str) -> None:
        """Remember a turn."""
        messages = self._messages.setdefault(conversation, [])
        messages += [Message("user", words), Message("assistant", reply)]
        del messages[: max(0, len(messages) - self._longest)]
        self._messages.move_to_end(conversation)
        while len(self._messages) > self._most:
            self._messages.popitem(last=False)
