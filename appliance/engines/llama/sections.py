"""A reply's text to what it is: thoughts, words and calls, each passed on as soon as it is certain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from appliance.engines.llama.template import THOUGHT, THOUGHT_END
from appliance.engines.llama.text import overlap
from appliance.engines.llama.tools import CALL, CALL_END
from appliance.ids import new_id
from appliance.jobs import Arguments, Called, Thought, Token

if TYPE_CHECKING:
    from collections.abc import Iterator

Section = Thought | Token | Called | Arguments

_HEAD: Final = re.compile(r'\s*\{"name": ("(?:[^"\\]|\\.)*"), "arguments": ')
_TAIL: Final = f"}}\n{CALL_END}"


class Sections:
    """Reads one reply."""

    def __init__(self, *, thinking: bool, thinks: bool, calls: bool, formed: bool = False) -> None:
        """`thinking`: it begins inside a thought; `thinks`: with one perhaps; `calls`: calls may come.

        `formed`: its words have a form, so that calls come in their place or not at all.
        """
        self._in: Literal["start", "thought", "words", "call", "arguments"] = (
            "thought" if thinking else "start" if thinks else "words"
        )
        self._calls, self._formed = calls, formed
        self._text = ""
        self._blank = thinking or thinks
        self.called = 0
        """Calls that are complete."""

    @property
    def thinking(self) -> bool:
        """Whether what comes is a thought."""
        return self._in == "thought"

    @property
    def silent(self) -> bool:
        """Whether nothing of what was fed is still to become words."""
        if self._in == "words":
            return self._blank and not self._text.strip()
        return self._in != "start"

    def feed(self, text: str) -> list[Section]:
        """What is certain now."""
        self._text += text
        return list(self._read())

    def finish(self) -> list[Section]:
        """What was held back, when the text has ended."""
        rest, self._text = self._text, ""
        if self.called:
            rest = rest.rstrip("\n")
        if not rest or self._in in ("call", "arguments"):
            return []
        return [Thought(text=rest)] if self._in == "thought" else list(self._words(rest))

    def _read(self) -> Iterator[Section]:
        while True:
            before = self._in, len(self._text)
            match self._in:
                case "start":
                    self._start()
                case "thought":
                    yield from self._thought()
                case "words":
                    yield from self._until_call()
                case "call":
                    yield from self._head()
                case "arguments":
                    yield from self._arguments()
            if (self._in, len(self._text)) == before:
                return

    def _start(self) -> None:
        begun = self._text.lstrip()
        if begun.startswith(THOUGHT):
            self._in, self._text = "thought", begun[len(THOUGHT) :]
        elif begun and not THOUGHT.startswith(begun):
            self._in = "words"

    def _thought(self) -> Iterator[Section]:
        found, self._text, at_end = _split(self._text, THOUGHT_END)
        if self._blank:
            found = found.lstrip()
        if found:
            self._blank = False
            yield Thought(text=found)
        if at_end:
            self._in, self._blank = "words", True

    def _until_call(self) -> Iterator[Section]:
        if self._calls and self._formed and not self.called:
            begun = self._text.lstrip()
            self._calls = begun.startswith(CALL) or CALL.startswith(begun)
        if not self._calls:
            found, self._text = self._text, ""
            yield from self._words(found)
            return
        found, self._text, at_call = _split(self._text, CALL)
        words = found.rstrip("\n")
        if at_call:
            self._in = "call"
        else:  # the lines' ends are not words if a call follows
            self._text = found[len(words) :] + self._text
        yield from self._words(words)

    def _words(self, text: str) -> Iterator[Section]:
        if self._blank:  # the empty lines after a thought or a call belong to neither side
            text = text.lstrip()
        if text:
            self._blank = False
            yield Token(text=text)

    def _head(self) -> Iterator[Section]:
        head = _HEAD.match(self._text)
        if head is not None:
            self._in, self._text = "arguments", self._text[head.end() :]
            name: str = msgspec.json.decode(head[1])
            yield Called(index=self.called, id=new_id("call"), name=name)

    def _arguments(self) -> Iterator[Section]:
        found, self._text, at_end = _split(self._text, _TAIL)
        if found:
            yield Arguments(index=self.called, text=found)
        if at_end:
            self._in, self._blank = "words", True
            self.called += 1


def _split(text: str, mark: str) -> tuple[str, str, bool]:
    """What surely stands before a mark, what comes after or is not certain yet, and whether the mark was there."""
    at = text.find(mark)
    if at >= 0:
        return text[:at], text[at + len(mark) :], True
    keep = overlap(text, mark)
    return text[: len(text) - keep], text[len(text) - keep :], False
