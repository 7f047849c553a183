"""A conversation that a request goes on from: what was said before, and what is added to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace
from sqlite_utils import Database as Tables

from appliance.callers.caller import Caller
from appliance.dialogue import prompt
from appliance.jobs import Generate
from appliance.store.conversations import Addition, check_id
from appliance.store.items import Item
from appliance.store.writing import Writing
from appliance.web.box import Box
from appliance.web.kept_items import kept_messages, kept_reply
from appliance.web.replies import Reply

MOST_EARLIER = 500
"""Items that are looked up; what does not fit the model's context is left out from the oldest on."""


@dataclass(frozen=True, slots=True)
class Continuing:
    """One conversation of the caller's."""

    box: Box
    caller: Caller
    conversation: str
    turn: str
    """Id of what the request adds."""

    def __post_init__(self) -> None:
        check_id(self.conversation)

    async def earlier(self) -> Sequence[Item]:
        """What was said before, oldest first."""
        return await self.box.conversations.history(self.caller.owner, self.conversation, MOST_EARLIER, turn=self.turn)

    async def told(self, job: Generate) -> Generate:
        """The job with what was said before: behind the system's messages that it begins with."""
        first = next((at for at, each in enumerate(job.messages) if each.role != "system"), len(job.messages))
        before = prompt.messages("", await self.earlier())
        return replace(job, messages=[*job.messages[:first], *before, *job.messages[first:]])

    async def keep(self, items: Sequence[Item], also: Callable[[Tables], None] | None = None) -> None:
        """Add to it, and make another change with that; on disk when this returns."""
        await self._add(items, also).done()

    async def keep_chat(self, asked: Generate, reply: Reply) -> None:
        """Add an exchange: what was asked without what was said before, and the reply."""
        await self.keep([*kept_messages(asked.messages), *kept_reply(reply)])

    def keep_broken(self, asked: Generate, reply: Reply) -> None:
        """The client has left, or the reply failed: add what was said of it, if anything was."""
        if said := kept_reply(reply):
            self._add([*kept_messages(asked.messages), *said])

    def _add(self, items: Sequence[Item], also: Callable[[Tables], None] | None = None) -> Writing[None]:
        mine = [dataclasses.replace(item, turn=self.turn) for item in items]
        return self.box.conversations.add(
            self.caller.owner, self.conversation, Addition(items=mine, known="rename", also=also)
        )
