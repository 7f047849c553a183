"""Who answers: drafts are composed from the conversation, and responses let them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from appliance.dialogue.prompt import messages
from appliance.errors import ApplianceError, RequestError
from appliance.jobs import Prepare
from appliance.voice.live.draft import Draft
from appliance.voice.live.events import Fault
from appliance.voice.live.response import Response
from appliance.voice.live.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anyio.abc import TaskGroup

    from appliance.jobs import Priority
    from appliance.voice.live.conduct import Conduct, Style
    from appliance.voice.live.conversation import Conversation, Item
    from appliance.voice.live.draft import Settle
    from appliance.voice.live.joining import Emit
    from appliance.voice.live.response import Reason
    from appliance.voice.stages import Stages

MOST_ASIDE: Final = 4
"""Responses beside the conversation at once."""


class Replies:
    """The responses of one conversation: one that speaks in it, and a few beside it."""

    def __init__(
        self, stages: Stages, conversation: Conversation, emit: Emit, tasks: TaskGroup, settle: Settle, lead: float
    ) -> None:  # fmt: skip
        """`settle` waits until all words of some items are known; `lead`: seconds that audio is sent ahead."""
        self._stages, self._conversation, self._emit = stages, conversation, emit
        self._tasks, self._settle, self._lead = tasks, settle, lead
        self.active: Response | None = None
        self.last: Response | None = None
        """The last one that spoke in the conversation."""
        self._aside: dict[str, Response] = {}
        self._preparing = anyio.CancelScope()
        """Of the last time that the model was to read ahead."""
        self._drafts: set[Draft] = set()
        """Those that are not closed, so that none stays open when the conversation ends."""

    def draft(
        self, style: Style, keep: float | None, words: str | None = None, *, priority: Priority = "live",
        given: Sequence[Item] | None = None, note: str = "", usual: bool = True,
    ) -> Draft:  # fmt: skip
        """A reply to what was said: the conversation, or the `given` items; and to `words` that are no item yet.

        `note` is told to the model last of all. `usual`: what does not fit is not told later either.
        """
        items = list(self._conversation) if given is None else list(given)

        left_out = self._conversation.left_out if given is None else set()
        left_out = left_out if usual else set(left_out)
        telling = Telling(items, left_out, style, keep, words=words, note=note, priority=priority)
        draft = Draft(self._stages, telling, self._settle, style.manner)
        self._drafts = {each for each in self._drafts if not each.closed} | {draft}
        return draft

    def begin(
        self, draft: Draft, style: Style, *, joins: bool = True, metadata: Mapping[str, str] | None = None,
        made: bool = False,
    ) -> Response:  # fmt: skip
        """Let a draft out. `made`: somebody runs it already. Raises `RequestError` where there are too many."""
        if joins and self.active is not None:
            draft.discard()
            raise RequestError(
                f"The response {self.active.id} is not over yet; cancel it, or wait for response.done.",
                code="response_active",
            )
        if not joins and len(self._aside) >= MOST_ASIDE:
            draft.discard()
            raise RequestError(
                f"There are {MOST_ASIDE} responses beside the conversation already.", code="response_active"
            )
        conversation = self._conversation if joins else None
        response = Response(draft, style, self._emit, conversation, self._lead, metadata)
        if joins:
            self.active = self.last = response
        else:
            self._aside[response.id] = response
        response.announce()
        if not made:
            self._tasks.start_soon(draft.run)
        self._tasks.start_soon(self._run, response)
        return response

    async def _run(self, response: Response) -> None:
        try:
            await response.run()
        finally:
            self._forget(response)
        if response.error is not None and response.error.status >= 500:
            self._emit(Fault(response.error))

    async def prepare(self, conduct: Conduct) -> None:
        """Have the model read what was said so far, while the user speaks."""
        told = messages(conduct.style.instructions, list(self._conversation), self._conversation.left_out)
        if not conduct.replies or not told:
            return
        job = Prepare(messages=told, tools=list(conduct.style.tools), thinking=False, priority="typed")
        self._preparing.cancel()  # where the model is far behind, they would take up the room of others
        with anyio.CancelScope() as self._preparing:
            try:
                async with self._stages.llm.stream(job) as answer:
                    async for _ in answer:
                        pass
            except ApplianceError:
                pass  # the reply itself will say what is wrong

    def covers(self, item_id: str) -> bool:
        """Whether the last response knew of an item, and was heard."""
        last = self.last
        return last is not None and last.outcome not in ("cancelled", "failed") and item_id in last.draft.covers

    def _forget(self, response: Response) -> None:
        if self.active is response:
            self.active = None
        self._aside.pop(response.id, None)

    def cancel(self, response_id: str | None, reason: Reason) -> None:
        """Stop one. Raises `RequestError` if there is none to stop."""
        found = self._aside.get(response_id) if response_id else None
        if found is None and self.active is not None and response_id in (None, self.active.id):
            found = self.active
        if found is None:
            raise RequestError(
                "There is no response to cancel.", code="response_cancel_not_active", param="response_id"
            )
        self.stop(found, reason)

    def stop(self, response: Response, reason: Reason) -> None:
        """Stop a response; the next one may begin at once."""
        response.cancel(reason)
        self._forget(response)

    def close(self) -> None:
        """The conversation is over."""
        for draft in self._drafts:
            draft.close()
