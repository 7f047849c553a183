"""From the parts of a generation to the replies of a chat, whole or chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import UNSET

from appliance.errors import InternalError
from appliance.jobs import AnyPart, Arguments, Called, Generated, Thought, Token, TokenLikelihood
from appliance.web.wire_citations import chat_citations
from appliance.web.wire_likelihoods import chat_logprobs
from appliance.web.wire_replies import (
    AnswerMessage,
    Choice,
    ChunkChoice,
    Delta,
    FunctionBody,
    FunctionDelta,
    ToolCallBody,
    ToolCallDelta,
)


@dataclass(slots=True)
class Reply:
    """One reply, as far as it has come."""

    text: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: dict[int, Called] = field(default_factory=dict)
    arguments: dict[int, list[str]] = field(default_factory=dict)
    likelihoods: list[TokenLikelihood] = field(default_factory=list)
    end: Generated | None = None

    def take(self, part: AnyPart) -> None:
        """The next part."""
        match part:
            case Token(text=text, likelihoods=likelihoods):
                self.text.append(text)
                self.likelihoods += likelihoods
            case Thought(text=text):
                self.thoughts.append(text)
            case Called(index=index):
                self.calls[index] = part
                self.arguments[index] = []
            case Arguments(index=index, text=text):
                self.arguments[index].append(text)
            case Generated():
                self.end = part
            case _:
                pass

    def choice(self, index: int, *, logprobs: bool) -> Choice:
        """The whole reply."""
        if self.end is None:
            raise InternalError("The thinking stage ended without an end.")
        calls = [
            ToolCallBody(id=call.id, function=FunctionBody(name=call.name, arguments="".join(self.arguments[number])))
            for number, call in sorted(self.calls.items())
        ]
        content = "".join(self.text)
        message = AnswerMessage(
            content=content if content or not calls else None,
            reasoning_content="".join(self.thoughts) or UNSET,
            tool_calls=calls or UNSET,
            annotations=chat_citations(self.end.sources) or UNSET,
        )
        figures = chat_logprobs(self.likelihoods) if logprobs else None
        return Choice(index=index, message=message, finish_reason=self.end.finish_reason, logprobs=figures)


class Chunks:
    """Turns the parts of one reply into the choices of chunks; the first of them says the role."""

    def __init__(self, index: int) -> None:
        self._index, self._begun = index, False

    def feed(self, part: AnyPart) -> Sequence[ChunkChoice]:
        """What a part adds to the stream; nothing for a part without content."""
        choices = []
        if not self._begun:
            self._begun = True
            content = "" if isinstance(part, Token | Generated) else None
            choices.append(ChunkChoice(index=self._index, delta=Delta(role="assistant", content=content)))
        match part:
            case Token(text=text, likelihoods=likelihoods) if text or likelihoods:
                figures = chat_logprobs(likelihoods) if likelihoods else None
                choices.append(ChunkChoice(index=self._index, delta=Delta(content=text), logprobs=figures))
            case Thought(text=text) if text:
                choices.append(ChunkChoice(index=self._index, delta=Delta(reasoning_content=text)))
            case Called(index=number, id=call, name=name):
                function = FunctionDelta(name=name, arguments="")
                made = ToolCallDelta(index=number, id=call, type="function", function=function)
                choices.append(ChunkChoice(index=self._index, delta=Delta(tool_calls=[made])))
            case Arguments(index=number, text=text) if text:
                more = ToolCallDelta(index=number, function=FunctionDelta(arguments=text))
                choices.append(ChunkChoice(index=self._index, delta=Delta(tool_calls=[more])))
            case Generated(finish_reason=reason, sources=sources):
                delta = Delta(annotations=chat_citations(sources) or UNSET)
                choices.append(ChunkChoice(index=self._index, delta=delta, finish_reason=reason))
            case _:
                pass
        return choices
