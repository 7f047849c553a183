"""What the model is told for one reply: the conversation, or as much of it as the context holds."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from appliance.dialogue.prompt import messages
from appliance.jobs import Generate, Message, Sampling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.jobs import Priority
    from appliance.voice.live.conduct import Style
    from appliance.voice.live.conversation import Item

ROOM: Final = 256
"""Tokens of a reply that there has to be room for, if it may be so long; else the oldest items go."""


class Telling:
    """Of `items` and `words` that are no item yet; `note` is told last of all.

    `left_out` has the ids of items that are not told any more. It is shared by all replies of a conversation, so that
    what went for a reply that was made stays away, and the prompt keeps its beginning. `keep`: the share that stays
    when some go; None: none may.
    """

    def __init__(
        self, items: Sequence[Item], left_out: set[str], style: Style, keep: float | None, *,
        words: str | None = None, note: str = "", priority: Priority = "live",
    ) -> None:  # fmt: skip
        self.items = items
        self._shared, self._left_out, self._style, self._keep = left_out, set(left_out), style, keep
        self._words, self._note, self._priority = words, note, priority
        self._room = 0 if keep is None else min(ROOM, style.max_tokens or ROOM)

    def generate(self) -> Generate:
        """The job."""
        style = self._style
        told = messages(style.instructions, self.items, self._left_out)
        if self._words is not None:
            told.append(Message("user", self._words))
        if self._note:
            told.append(Message("system", self._note))
        return Generate(
            messages=told, tools=list(style.tools), tool_choice=style.tool_choice, tool_name=style.tool_name,
            parallel_tool_calls=style.parallel_tool_calls, max_tokens=style.max_tokens, room=self._room,
            shortens=self._room > 0, sampling=Sampling(temperature=style.temperature, top_p=style.top_p),
            thinking=False, priority=self._priority,
        )  # fmt: skip

    def succeeded(self) -> None:
        """A reply was made of it."""
        self._shared |= self._left_out

    def shorten(self) -> bool:
        """It was too long: tell less the next time. False if that cannot be."""
        if self._keep is None:
            return False
        if leave_out(self.items, self._left_out, self._keep, more=self._words is not None):
            return True
        cramped, self._room = self._room > 0, 0
        return cramped


def leave_out(items: Sequence[Item], left_out: set[str], keep: float, *, more: bool) -> bool:
    """Leave out the oldest: about the share `keep` of all characters stays. False if nothing can go.

    What stays begins with a user's message, as templates want it; the last one stays, unless there is `more` to come.
    """
    told = [item for item in items if item.id not in left_out and item.role != "system"]
    gone = [0, *accumulate(len(item.words) + len(item.text) for item in told)]
    ends = [number for number, item in enumerate(told) if number and item.role == "user" and item.words]
    if more and told:
        ends.append(len(told))
    if not ends:
        return False
    end = next((number for number in ends if gone[number] >= (1 - keep) * gone[-1]), ends[-1])
    left_out.update(item.id for item in told[:end])
    return True
