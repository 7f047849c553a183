"""One reply from the parts of several jobs, one after the other; calls of one tool are kept from whoever listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from appliance.jobs import Arguments, Called, Generated, Token, ToolCall

if TYPE_CHECKING:
    from appliance.jobs import AnyPart


class Joined:
    """`hidden`: name of the tool whose calls are not passed on; None: all are."""

    def __init__(self, hidden: str | None) -> None:
        self.text = ""
        """All words so far."""
        self.written = 0
        """Tokens of all jobs that have ended."""
        self.shown = 0
        """Calls of this job that were passed on."""
        self._hidden = hidden
        self._before = 0
        self._calls: dict[int, tuple[Called, list[str]]] = {}
        self._indices: dict[int, int] = {}
        self._ends: list[Generated] = []
        self._start = 0
        """Where this job's words begin."""

    @property
    def calls(self) -> list[ToolCall]:
        """Those of this job that were kept."""
        return [ToolCall(called.id, called.name, "".join(told)) for called, told in self._calls.values()]

    def begin(self) -> str:
        """Another job follows. What the one before said."""
        said, self._start = self.text[self._start :], len(self.text)
        self._before += self.shown
        self.shown = 0
        self._calls.clear()
        self._indices.clear()
        return said

    def take(self, part: AnyPart) -> list[AnyPart]:
        """What of a part is passed on."""
        match part:
            case Token(text=text):
                if text and 0 < self._start == len(self.text) and not (self.text[-1].isspace() or text[0].isspace()):
                    part = replace(part, text=f" {text}")  # what two jobs said is not one word
                self.text += part.text
                return [part]
            case Called(index=index, name=name) if name == self._hidden:
                self._calls[index] = (part, [])
                return []
            case Called(index=index):
                self._indices[index] = self._before + self.shown
                self.shown += 1
                return [replace(part, index=self._indices[index])]
            case Arguments(index=index, text=text) if index in self._calls:
                self._calls[index][1].append(text)
                return []
            case Arguments(index=index):
                return [replace(part, index=self._indices[index])]
            case _:
                return [part]

    def count(self, end: Generated) -> Generated:
        """A job has ended: the end of all of them so far."""
        self._ends.append(end)
        self.written = sum(each.completion_tokens for each in self._ends)
        return replace(
            end,
            prompt_tokens=sum(each.prompt_tokens for each in self._ends),
            completion_tokens=self.written,
            cached_tokens=sum(each.cached_tokens for each in self._ends),
            thought_tokens=sum(each.thought_tokens for each in self._ends),
        )
