"""Looking things up as a tool of the model's: offered beside the client's tools, and answered by the box itself."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from appliance.dialogue.quoting import quoted
from appliance.jobs import Message, Tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.jobs import Generate, ToolCall
    from appliance.store.passages import Found

    Result = tuple[str, Sequence[Found] | None]
    """What was asked, and what was found; None where nothing more was looked up."""

NAME: Final = "file_search"
CALL: Final = "<tool_call>"
"""How models begin a call."""
MOST_CALLS: Final = 3
"""Of one reply; then the model has to do without the tool."""
MOST_QUERY: Final = 120
"""Characters."""
MOST_QUESTION: Final = 500
"""Characters of the user's words that stand behind a result once more."""
NOTHING: Final = "The documents say nothing about that."
NO_ROOM: Final = "There is no room here for what the documents say."
ENOUGH: Final = "Nothing more can be looked up for this reply."

_PARAMETERS: Final = {
    "type": "object",
    "properties": {"query": {"type": "string", "maxLength": MOST_QUERY, "description": "What to look for."}},
    "required": ["query"],
    "additionalProperties": False,
}


class _Query(msgspec.Struct, frozen=True):
    query: str = ""


class Lookups:
    """Those of one reply. `name` is the tool's, which no tool of the client's has."""

    def __init__(self, job: Generate, question: str, *, forced: bool) -> None:
        """`question`: what the user said last."""
        self._question = question[:MOST_QUESTION]
        names = {tool.name for tool in job.tools}
        others = (f"{NAME}_{number}" for number in itertools.count(2))
        self.name = next(name for name in itertools.chain([NAME], others) if name not in names)
        self._job, self._forced, self._left = job, forced, MOST_CALLS
        self._called: list[Message] = []
        self._tool = Tool(self.name, "Search the user's documents for passages that answer a question.", _PARAMETERS)

    def offered(self) -> Generate:
        """The job as it is now. A tool that may not be called again stays in the prompt, which so goes on as before.

        No grammar holds the model then: what begins like a call ends the reply. Beside the client's tools, which may
        still be called, it goes.
        """
        if not self._left and self._job.tools:
            return self._job
        if not self._left:
            return replace(self._job, tools=[self._tool], tool_choice="none", stop=[*self._job.stop, CALL])
        alone = not self._job.tools  # small models do not stop calling; the client's own calls may come together
        offered = replace(
            self._job,
            tools=[*self._job.tools, self._tool],
            parallel_tool_calls=self._job.parallel_tool_calls and not alone,
        )
        return replace(offered, tool_name=self.name) if self._forced else offered

    def asked(self, call: ToolCall) -> str:
        """What a call looks for."""
        try:
            return msgspec.json.decode(call.arguments, type=_Query).query
        except msgspec.DecodeError:
            return ""

    def take(self) -> bool:
        """Whether another one may be made. It counts."""
        if not self._left:
            return False
        self._left -= 1
        return True

    def called(self, said: str, calls: Sequence[ToolCall], max_tokens: int | None) -> None:
        """The model has called. The next job is for so many tokens, and may call again or not."""
        told = Message("assistant", said, tool_calls=list(calls))
        self._called = [*self._job.messages, told]
        self._job = replace(self._job, max_tokens=max_tokens, tool_choice="auto", tool_name=None)
        self._forced = False

    def answered(self, results: Sequence[Result], most: int) -> Generate:
        """The job that follows on the calls' results; of each at most so many bytes are quoted."""
        quotes = [quoted(found or (), most, asked) for asked, found in results]
        answers = [
            Message("tool", quote or _instead(found), tool_call_id=call.id)
            for call, quote, (_, found) in zip(self._called[-1].tool_calls, quotes, results, strict=True)
        ]
        if any(quotes):  # the last words are the user's, also for a model that knows no tools
            answers[-1] = replace(answers[-1], content=f"{answers[-1].content}\n\n{self._question}")
        self._job = replace(self._job, messages=[*self._called, *answers])
        return self.offered()


def _instead(found: Sequence[Found] | None) -> str:
    """What is said where nothing is quoted."""
    if found is None:
        return ENOUGH
    return NO_ROOM if found else NOTHING
