"""One response: a draft that is let out, as items with their events in order, whatever becomes of it.

All its events are told without waiting, so that nobody ever sees half of a sequence. Whoever cancels it leaves
nothing open: its items are closed, and its message is cut to what was heard.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final, Literal

import anyio

from appliance import metrics
from appliance.audio import SAMPLE_BYTES
from appliance.dialogue.heard import Spoken
from appliance.errors import InternalError
from appliance.events import ReplyArguments, ReplyAudio, ReplyCall, ReplyClause, ReplyText, ReplyWritten
from appliance.ids import new_id
from appliance.logs import logger, place_of
from appliance.voice.live import events
from appliance.voice.live.conversation import Item, Said
from appliance.voice.live.joining import finish, join
from appliance.voice.live.playout import Playout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.errors import ApplianceError
    from appliance.events import ReplyEvent
    from appliance.story import Outcome as TurnOutcome
    from appliance.voice.live.conduct import Style
    from appliance.voice.live.conversation import Conversation
    from appliance.voice.live.draft import Draft
    from appliance.voice.live.events import LiveEvent
    from appliance.voice.live.stage_times import Asked

    Emit = Callable[[LiveEvent], None]

log = logger(__name__)

Reason = Literal["turn_detected", "client_cancelled", "max_output_tokens"]
Outcome = Literal["in_progress", "completed", "cancelled", "failed", "incomplete"]

CANCEL_SECONDS: Final = 10.0
"""Longest wait for both stages to have let go of a cancelled reply; they take a step."""


class Response:
    """What it says becomes part of `conversation`; None for a response that leaves it alone."""

    def __init__(
        self, draft: Draft, style: Style, emit: Emit, conversation: Conversation | None, lead: float,
        metadata: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """`lead`: seconds that audio is sent ahead of being played."""
        self.id = new_id("resp")
        self.draft, self.style, self.metadata = draft, style, metadata
        self.output: list[Item] = []
        self.outcome: Outcome = "in_progress"
        self.reason: Reason | None = None
        self.error: ApplianceError | None = None
        self.playout = Playout(self._send, lead)
        self.ended = anyio.Event()
        self.first_sound: Callable[[], None] = lambda: None
        """Called as the first of its audio leaves."""
        self.asked: Asked | None = None
        """The turn that it answers, where the box noticed it."""
        self._emit, self._conversation = emit, conversation
        self._message: int | None = None
        self._calls: dict[int, int] = {}
        self._open: list[int] = []
        self._cancelled_at = 0.0
        self._scope = anyio.CancelScope()

    @property
    def joins(self) -> bool:
        """Whether what it says becomes part of the conversation."""
        return self._conversation is not None

    @property
    def message(self) -> Item | None:
        """Its message, if it has begun one."""
        return self.output[self._message] if self._message is not None else None

    @property
    def remaining_ms(self) -> float:
        """So much of its audio has not left yet; without end while it is still being made, 0 when it is over."""
        if self.outcome != "in_progress":
            return 0.0
        return self.draft.spoken_ms - self.playout.sent_ms if self.draft.ended.is_set() else inf

    def cancel(self, reason: Reason) -> None:
        """Stop everything about it at once: what is written, spoken, and waits to be sent."""
        if self.outcome == "in_progress":
            self.reason = reason
            self._cancelled_at = anyio.current_time()
            self._scope.cancel()
            self.draft.cancel()
            self._close()

    def announce(self) -> None:
        """Say that it begins."""
        self._emit(events.ResponseCreated(self))

    async def run(self) -> None:
        """Let the draft out, to its end or to its cancellation."""
        try:
            with self._scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._write)
                    tasks.start_soon(self._sound)
        except Exception as error:  # noqa: BLE001 - one reply's fault must not end the conversation
            log.error("response failed", **place_of(error))
            self.error = InternalError("The appliance failed on this response.")
        finally:
            self.draft.discard()  # not before: until now it was read
            self._close()
            self.ended.set()
        if self.outcome == "cancelled":
            with anyio.move_on_after(CANCEL_SECONDS):
                await self.draft.ended.wait()
            metrics.CANCEL_SECONDS.observe(anyio.current_time() - self._cancelled_at)

    async def _write(self) -> None:
        async for event in self.draft.words:
            self._told(event)
        if self._message is not None and not self.style.manner.spoken and self.draft.error is None:
            self._finish(self._message, "completed")

    def _told(self, event: ReplyEvent) -> None:
        if self.outcome != "in_progress":  # cancelled while this was on its way
            return
        match event:
            case ReplyText(delta=text):
                index = self._message_index()
                item = self.output[index]
                item.source += text
                item.said[0].text = item.source
                piece: events.Piece = "transcript" if self.style.manner.spoken else "text"
                self._emit(events.Delta(self, index, item, piece, text=text))
            case ReplyCall():
                item = Item(
                    new_id("item"), "function_call", "assistant", "in_progress", call_id=event.id, name=event.name
                )
                self._calls[event.index] = self._begin(item)
            case ReplyArguments(text=text):
                index = self._calls[event.index]
                self.output[index].text += text
                self._emit(events.Delta(self, index, self.output[index], "arguments", text=text))
            case ReplyWritten(finish_reason=reason, sources=sources):
                if self._message is not None:
                    item = self.output[self._message]
                    item.sources = tuple(sources)
                    for number, source in enumerate(sources):
                        self._emit(events.Cited(self, self._message, item, number, source))
                calls = list(self._calls.values())
                for index in calls:
                    broken = reason == "length" and index == calls[-1]
                    self._finish(index, "incomplete" if broken else "completed")
            case _:
                pass  # what is spoken comes the other way

    async def _sound(self) -> None:
        async for event in self.draft.sound:
            match event:
                case ReplyClause():
                    self._spoken().clause(event.text, event.spoken)
                case ReplyAudio():
                    self._voiced(event)
                    await self.playout.play(event.pcm)
        if self._message is not None and self.style.manner.spoken and self.draft.error is None:
            self._finish(self._message, "completed")

    def _voiced(self, event: ReplyAudio) -> None:
        spoken = self._spoken()
        spoken.audio(len(event.pcm) // SAMPLE_BYTES, event.marks)
        index = self._message_index()
        if self.outcome == "in_progress":
            self._emit(events.Captioned(self, index, self.output[index], spoken.clauses - 1, spoken.captions))

    def _send(self, pcm: bytes) -> None:
        if self.outcome != "in_progress":
            return
        if not self.playout.sent_ms:
            self.first_sound()
        index = self._message_index()
        self._emit(events.Delta(self, index, self.output[index], "audio", pcm=pcm))

    def _spoken(self) -> Spoken:
        spoken = self.output[self._message_index()].spoken
        assert spoken is not None  # noqa: S101 - messages begin with one
        return spoken

    def _message_index(self) -> int:
        if self._message is None:
            said = Said(text="", aloud=self.style.manner.spoken)
            item = Item(new_id("item"), "message", "assistant", "in_progress", [said], spoken=Spoken())
            self._message = self._begin(item)
            self._emit(events.PartAdded(self, self._message, item))
        return self._message

    def _begin(self, item: Item) -> int:
        index = len(self.output)
        self.output.append(item)
        self._open.append(index)
        self._emit(events.OutputAdded(self, index, item))
        if self._conversation is not None:
            join(self._conversation, item, self._emit)
        return index

    def _finish(self, index: int, status: Literal["completed", "incomplete"]) -> None:
        if index not in self._open:
            return
        self._open.remove(index)
        item = self.output[index]
        item.status = status
        told: dict[str, Any] = {"response": self, "index": index, "item": item}
        if item.kind == "message":
            item.sent_ms = self.playout.sent_ms
            if item.said[0].aloud:
                self._emit(events.PieceDone(**told, piece="audio"))
            self._emit(events.PieceDone(**told, piece="transcript" if item.said[0].aloud else "text", text=item.source))
            if status == "incomplete" and item.said[0].aloud:
                item.cut(self.playout.played_ms if self.outcome == "cancelled" else self.playout.sent_ms)
            self._emit(events.PartDone(**told, text=item.source))
        else:
            self._emit(events.PieceDone(**told, piece="arguments", text=item.text))
        if self._conversation is not None:
            finish(self._conversation, item, self._emit)
        self._emit(events.OutputDone(**told))

    def _close(self) -> None:
        """Say how it ended. What is open was not finished."""
        if self.outcome != "in_progress":
            return
        written = self.draft.written
        self.error = self.error or self.draft.error
        if self.reason is not None:
            self.outcome = "cancelled"
        elif self.error is not None:
            self.outcome = "failed"
        elif written is not None and written.finish_reason == "length":
            self.outcome, self.reason = "incomplete", "max_output_tokens"
        elif written is None:
            self.outcome, self.reason = "cancelled", "client_cancelled"
        else:
            self.outcome = "completed"
        for index in list(self._open):
            self._finish(index, "incomplete")
        self._emit(events.ResponseDone(self))

    @property
    def ended_as(self) -> TurnOutcome:
        """What became of it, as a turn."""
        if self.outcome == "cancelled":  # by somebody, or because its client went away
            return "interrupted" if self._cancelled_at else "abandoned"
        return "failed" if self.outcome == "failed" else "completed"
