"""From the parts of a generation to the events of a response's stream, and to the response itself. Pure.

A response is a row of items, one after the other: thoughts, text, calls. The one that grows is done when another
kind of part, or another call, or the end comes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from msgspec.structs import replace

from appliance.errors import ApplianceError, InternalError
from appliance.ids import new_id
from appliance.jobs import AnyPart, Arguments, Called, Generated, Source, Thought, Token
from appliance.web import wire_response_events as events
from appliance.web.wire_citations import FileCitation, citations
from appliance.web.wire_likelihoods import TokenLogprob
from appliance.web.wire_response_body import (
    Incomplete,
    InputDetails,
    OutputDetails,
    ResponseBody,
    ResponseError,
    ResponseUsage,
)
from appliance.web.wire_response_items import (
    CallItem,
    Item,
    MessageItem,
    OutputText,
    ReasoningItem,
    ReasoningText,
    Status,
)

Happened = TypeVar("Happened", bound=events.Event)
Growable = MessageItem | ReasoningItem | CallItem


@dataclass(slots=True)
class _Growing:
    """The item that grows, as it began, and what has come since."""

    item: Growable
    call: int | None = None
    text: list[str] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    citations: list[FileCitation] = field(default_factory=list)

    def whole(self, status: Status) -> Growable:
        """The item with all that has come."""
        text = "".join(self.text)
        match self.item:
            case MessageItem():
                said = OutputText(text=text, annotations=self.citations, logprobs=self.logprobs)
                return replace(self.item, content=[said], status=status)
            case ReasoningItem():
                return replace(self.item, content=[ReasoningText(text=text)], status=status)
            case CallItem():
                return replace(self.item, arguments=text, status=status)


class ResponseStream:
    """One response. `now` gives the seconds since the epoch, `name` a new id with a prefix."""

    def __init__(self, begun: ResponseBody, now: Callable[[], float], name: Callable[[str], str] = new_id) -> None:
        self._body, self._now, self._name = begun, now, name
        self._done: list[Item] = []
        self._growing: _Growing | None = None
        self._number = 0
        self._told = 0
        """Characters of the messages that are done."""

    @property
    def response(self) -> ResponseBody:
        """As it is now; items are in it only when it has ended."""
        return self._body

    @property
    def begun(self) -> bool:
        """Whether any event has been made."""
        return self._number > 0

    @property
    def ended(self) -> bool:
        """Whether the last event has been made."""
        return self._body.status != "in_progress"

    def begin(self) -> list[events.Event]:
        """The first events."""
        return [
            self._event(events.ResponseEvent, type="response.created", response=self._body),
            self._event(events.ResponseEvent, type="response.in_progress", response=self._body),
        ]

    def take(self, part: AnyPart) -> list[events.Event]:
        """What a part changes. Raises `InternalError` for parts in an order that makes no sense."""
        match part:
            case Thought(text=text) if text:
                return [*self._open(ReasoningItem), self._delta(events.ReasoningDelta, text)]
            case Token(text=text, likelihoods=likelihoods) if text or (likelihoods and self._grows(MessageItem)):
                opened, logprobs = self._open(MessageItem), [TokenLogprob.of(drawn) for drawn in likelihoods]
                return [*opened, self._delta(events.TextDelta, text, logprobs=logprobs)]
            case Called():
                item = CallItem(
                    id=self._name("fc"), call_id=part.id, name=part.name, arguments="", status="in_progress"
                )
                return [*self._close("completed"), self._added(_Growing(item, part.index))]
            case Arguments(index=index, text=text):
                if self._growing is None or self._growing.call != index:
                    raise InternalError("The thinking stage wrote arguments of a call that it does not make now.")
                return [self._delta(events.ArgumentsDelta, text)] if text else []
            case Generated():
                return self._end(part)
            case _:
                return []

    def fail(self, error: ApplianceError) -> list[events.Event]:
        """The last events of a response that cannot be ended. What there is of it is kept as incomplete."""
        if self._growing is not None:
            self._done.append(self._growing.whole("incomplete"))
            self._growing = None
        code: Literal["server_error", "invalid_prompt"] = "server_error" if error.status >= 500 else "invalid_prompt"
        self._body = replace(
            self._body, status="failed", error=ResponseError(code=code, message=error.message), output=self._done
        )
        return [
            self._event(events.ErrorEvent, code=error.code, message=error.message, param=error.param),
            self._event(events.ResponseEvent, type="response.failed", response=self._body),
        ]

    def _grows(self, kind: type[Growable]) -> bool:
        return self._growing is not None and isinstance(self._growing.item, kind)

    def _open(self, kind: type[ReasoningItem | MessageItem]) -> list[events.Event]:
        """Let an item of a kind grow."""
        if self._grows(kind):
            return []
        closed = self._close("completed")
        item: Growable
        part: OutputText | ReasoningText
        if kind is MessageItem:
            part = OutputText(text="")
            item = MessageItem(id=self._name("msg"), role="assistant", content=[], status="in_progress")
        else:
            part = ReasoningText(text="")
            item = ReasoningItem(id=self._name("rs"), status="in_progress")
        added = self._added(_Growing(item))
        return [*closed, added, self._inside(events.PartEvent, type="response.content_part.added", part=part)]

    def _added(self, growing: _Growing) -> events.Event:
        self._growing = growing
        index = len(self._done)
        return self._event(events.ItemEvent, type="response.output_item.added", output_index=index, item=growing.item)

    def _delta(
        self, kind: type[events.InItem], text: str, *, logprobs: list[TokenLogprob] | None = None
    ) -> events.Event:
        if self._growing is not None:
            self._growing.text.append(text)
            self._growing.logprobs += logprobs or ()
        more = {} if logprobs is None else {"logprobs": logprobs}
        return self._inside(kind, delta=text, **more)

    def _close(self, status: Status) -> list[events.Event]:
        """The events that end the item that grows, if there is one."""
        if self._growing is None:
            return []
        item = self._growing.whole(status)
        happened: list[events.Event] = []
        match item:
            case MessageItem(content=[OutputText() as part]):
                self._told += len(part.text)
                happened = [
                    self._inside(events.TextDone, text=part.text, logprobs=part.logprobs),
                    self._inside(events.PartEvent, type="response.content_part.done", part=part),
                ]
            case ReasoningItem(content=[thoughts]):
                happened = [
                    self._inside(events.ReasoningDone, text=thoughts.text),
                    self._inside(events.PartEvent, type="response.content_part.done", part=thoughts),
                ]
            case CallItem():
                happened = [self._inside(events.ArgumentsDone, name=item.name, arguments=item.arguments)]
        index = len(self._done)
        happened.append(self._event(events.ItemEvent, type="response.output_item.done", output_index=index, item=item))
        self._done.append(item)
        self._growing = None
        return happened

    def _end(self, part: Generated) -> list[events.Event]:
        cut = part.finish_reason == "length"
        happened: list[events.Event] = []
        if self._growing is None or (self._grows(ReasoningItem) and not cut):
            happened += self._open(MessageItem)  # a reply without a word is a message without a word
        happened += [*self._cite(part.sources), *self._close("incomplete" if cut else "completed")]
        self._body = replace(
            self._body,
            status="incomplete" if cut else "completed",
            completed_at=None if cut else int(self._now()),
            incomplete_details=Incomplete() if cut else None,
            output=self._done,
            usage=ResponseUsage(
                input_tokens=part.prompt_tokens,
                input_tokens_details=InputDetails(cached_tokens=part.cached_tokens),
                output_tokens=part.completion_tokens,
                output_tokens_details=OutputDetails(reasoning_tokens=part.thought_tokens),
                total_tokens=part.prompt_tokens + part.completion_tokens,
            ),
        )
        kind = "response.incomplete" if cut else "response.completed"
        return [*happened, self._event(events.ResponseEvent, type=kind, response=self._body)]

    def _cite(self, sources: Sequence[Source]) -> list[events.Event]:
        """Say what the message that grows rests on."""
        if self._growing is None or not self._grows(MessageItem):
            return []
        self._growing.citations = citations(sources, self._told)
        return [
            self._inside(events.AnnotationAdded, annotation=each, annotation_index=index)
            for index, each in enumerate(self._growing.citations)
        ]

    def _inside(self, kind: type[Happened], **fields: Any) -> Happened:
        """An event inside the item that grows."""
        if self._growing is None:
            raise InternalError("Nothing grows in this response.")
        return self._event(kind, item_id=self._growing.item.id, output_index=len(self._done), **fields)

    def _event(self, kind: type[Happened], **fields: Any) -> Happened:
        self._number += 1
        return kind(sequence_number=self._number - 1, **fields)
