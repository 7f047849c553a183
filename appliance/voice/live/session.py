"""One live conversation: what its client asks for, and everything that is under way for it.

All state changes between two waits, and every event is told at once, so that clients see whole sequences only. `run`
owns every task; when it ends, so do they.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio import lowlevel

from appliance import metrics
from appliance.audio import seconds
from appliance.errors import InternalError, RequestError, Unavailable
from appliance.ids import new_id
from appliance.jobs import STT_RATE
from appliance.logs import logger, place_of
from appliance.turns.segmenter import milliseconds
from appliance.voice.live import events
from appliance.voice.live.conversation import Conversation, Item, Said
from appliance.voice.live.floor import Floor
from appliance.voice.live.guess import Guess
from appliance.voice.live.joining import join
from appliance.voice.live.microphone import Microphone
from appliance.voice.live.minutes import Minutes
from appliance.voice.live.patience import patient
from appliance.voice.live.replies import Replies
from appliance.voice.live.stage_times import Asked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from anyio.abc import TaskGroup

    from appliance.turns.agreement import Agreement
    from appliance.voice.live.conduct import Conduct, Style
    from appliance.voice.live.joining import Emit
    from appliance.voice.live.response import Response
    from appliance.voice.live.utterance import Utterance
    from appliance.voice.stages import Stages

log = logger(__name__)

MOST_AT_ONCE: Final = 240_000
"""Bytes that the detector is given before others' turns come: five seconds."""
GO_ON: Final = "A noise interrupted you. Go on where you stopped."
LEAST_MS: Final = 100
"""Shorter audio cannot be committed, as in OpenAI's protocol."""


class LiveSession:
    """`most_seconds`: longest audio of one turn; `lead`: seconds that a reply's audio is sent ahead."""

    def __init__(self, stages: Stages, conduct: Conduct, emit: Emit, *, most_seconds: float, lead: float) -> None:
        self.stages, self.conduct, self.emit = patient(stages), conduct, emit
        self.hurried = stages
        """The same, for what is of no use later."""
        self.conversation = Conversation()
        self.microphone = Microphone(conduct.sound_in, int(most_seconds * STT_RATE))
        self.replies: Replies
        self.unanswered = 0
        """Turns that are over, and whose words or answers are still being found."""
        self.owes = False
        """Whether a turn was not answered since its speaker went on; whatever comes next, it is answered then."""
        self._lead = lead
        self._tasks: TaskGroup
        self._floor: Floor | None = None
        self.minutes = Minutes(self.conversation, emit)

    @property
    def basis(self) -> object:
        """What a reply is made from; another one means that it would be another reply."""
        return self.conversation.changes, self.conduct

    @property
    def spoken(self) -> Utterance | None:
        """What is being said now, as far as the box notices turns."""
        return self._floor.utterance if self._floor is not None else None

    async def run(self, serve: Callable[[], Awaitable[None]]) -> None:
        """Live for as long as `serve`, which hands on what the client sends."""
        try:
            async with anyio.create_task_group() as self._tasks:
                settle = partial(self.minutes.settle, stages=self.stages, how=lambda: self.conduct.transcribing)
                self.replies = Replies(self.stages, self.conversation, self.emit, self._tasks, settle, self._lead)
                self._listen()
                with metrics.SESSIONS.track_inprogress():
                    await serve()
                self._tasks.cancel_scope.cancel()
        finally:
            self.replies.close()

    def spawn(self, work: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
        """Have something done beside; its fault must not end the conversation."""
        self._tasks.start_soon(self._guard, work, *arguments)

    async def _guard(self, work: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
        try:
            await work(*arguments)
        except Exception as error:  # noqa: BLE001 - logged by place, and told
            log.error("conversation's task failed", **place_of(error))
            self.emit(events.Fault(InternalError("The appliance failed on a part of this conversation.")))

    def _listen(self) -> None:
        if self._floor is not None:
            self._floor.stop()
        self._floor = None
        if self.conduct.detection is not None:
            self._floor = Floor(self, self.conduct.detection)
            self.spawn(self._floor.run)

    def update(self, conduct: Conduct) -> None:
        """From now on it is conducted like this. What is under way ends as it began."""
        before, self.conduct = self.conduct, conduct
        self.microphone.change(conduct.sound_in)
        if conduct.detection != before.detection:
            if before.detection is None:
                self.microphone.skip()
            self._listen()
            self.pay()

    # Audio

    async def append(self, data: bytes) -> None:
        """Audio came, in the client's format. Waits where the detector is far behind."""
        lost = False
        for start in range(0, len(data), MOST_AT_ONCE):
            lost |= self.microphone.add(data[start : start + MOST_AT_ONCE])
            if self.conduct.detection is None:
                self.microphone.skip()
            else:
                await self.microphone.room()
        await lowlevel.checkpoint()
        if lost:
            message = f"The buffer holds {self.microphone.most // STT_RATE} s; the oldest audio in it was dropped."
            raise RequestError(message, code="audio_too_long")

    def commit(self) -> None:
        """The client says that the turn is over. Raises `RequestError` where there is nothing."""
        spoken = self.spoken
        audio = self.microphone.between(spoken.start if spoken is not None else self.microphone.begin)
        if (long := seconds(audio, STT_RATE) * 1000) < LEAST_MS:
            message = f"The buffer has {long:.0f} ms of audio; at least {LEAST_MS} ms are needed."
            raise RequestError(message, code="audio_buffer_empty")
        item_id = spoken.item_id if spoken is not None else new_id("item")
        guess = self._floor.take_guess() if self._floor is not None else None
        self._empty()
        guess = self._understood(guess, audio)
        guess.drop_draft()
        self.minutes.open(item_id, guess.audio, guess)
        self.spawn(self._write_down, item_id, guess, None, spoken.agreement if spoken is not None else None)

    def clear(self) -> None:
        """Forget the audio that is no item yet."""
        self._empty()
        self.emit(events.BufferCleared())
        self.pay()

    def pay(self) -> None:
        """Answer what is owed, as nothing else is coming."""
        if self.owes and self.replies.active is None and self.conduct.replies:
            self.owes = False
            self.replies.begin(self.replies.draft(self.conduct.style, self.conduct.keep), self.conduct.style)

    def _empty(self) -> None:
        self.microphone.skip()
        if self._floor is not None:
            self._floor.rest()
        self.microphone.forget(self.microphone.end)

    def _understood(self, guess: Guess | None, audio: bytes) -> Guess:
        """What is found out of a turn that is over, by what was begun at its last pause or else anew."""
        if guess is None or isinstance(guess.error, Unavailable):
            guess = Guess(audio, self.conduct.transcribing)
            self.spawn(guess.run, self.stages)
        guess.promote()
        return guess

    def take_turn(self, utterance: Utterance, audio: bytes) -> None:
        """The user's turn is over: it becomes an item, and is answered."""
        guess = self._understood(utterance.take_guess(), audio)
        if guess.basis is not None and guess.basis != self.basis:
            guess.drop_draft()
        self.minutes.open(utterance.item_id, audio, guess)
        guess.basis = self.basis
        self.spawn(self._write_down, utterance.item_id, guess, utterance, utterance.agreement)

    def take_silence(self, start: int, end: int, note: str) -> None:
        """Nobody has said anything for too long: that is answered too."""
        item = Item(new_id("item"), said=[Said(text="", audio=b"", rate=STT_RATE, aloud=True)])
        self.emit(events.IdleTimeout(item.id, milliseconds(start), milliseconds(end)))
        self.emit(events.BufferCommitted(item.id, self.conversation.last))
        join(self.conversation, item, self.emit)
        self.replies.begin(self.replies.draft(self.conduct.style, self.conduct.keep, note=note), self.conduct.style)

    async def _write_down(
        self, item_id: str, guess: Guess, utterance: Utterance | None, agreement: Agreement | None
    ) -> None:  # fmt: skip
        """Note what was said, tell it, and answer it if it was a turn that the box noticed by itself: `utterance`."""
        self.unanswered += 1
        try:
            await self.minutes.write(item_id, guess, agreement, shown=self.conduct.transcribing.shown)
            nothing = guess.text == "" and not self.owes  # a noise is no turn
            if utterance is not None and self.conduct.answers and not nothing:
                await self._answer(guess, utterance)
            else:
                guess.discard()
        finally:
            self.unanswered -= 1

    async def _answer(self, guess: Guess, utterance: Utterance) -> None:
        """The reply to a turn: the draft that was made of it, if what it was made from still holds."""
        while self.replies.active is not None:
            await self.replies.active.ended.wait()
        if self.replies.covers(utterance.item_id):  # what was said meanwhile was answered together with it
            guess.discard()
            self.owes = False
            return
        if self.spoken is not None and self.spoken.announced:
            guess.discard()  # the user speaks again already: both turns are answered together
            self.owes = True
            metrics.CUT_OFFS.inc()
            return
        self.owes = False
        style = self.conduct.style
        draft = guess.take() if guess.basis == self.basis else None
        made = draft is not None
        if draft is None:
            guess.discard()
            note = GO_ON if guess.text == "" and self.conversation.ends_with_reply else ""
            draft = self.replies.draft(style, self.conduct.keep, note=note)
        draft.covers.add(utterance.item_id)
        response = self.replies.begin(draft, style, made=made)
        asked = Asked(guess, utterance, anyio.current_time() - self.microphone.since(utterance.voice_end))
        response.asked, response.first_sound = asked, partial(self._heard, response, asked)

    def _heard(self, response: Response, asked: Asked) -> None:
        """The reply's first audio leaves."""
        timings = asked.heard(response)
        metrics.VOICE_TO_VOICE_SECONDS.observe(timings["sent"] / 1000)
        # Its whole text is there by now only if it is short, or was long awaited: the others would be left out.
        metrics.turn_timed("realtime", {name: at for name, at in timings.items() if name != "reply"})
        self.emit(events.TurnTimed(response.id, timings, milliseconds(asked.utterance.voice_end)))

    # Items

    def create(self, item: Item, after: str | None) -> None:
        """Add an item of the client's. Raises `RequestError`."""
        self.conversation.check_room(item)
        if self.spoken is not None and self.spoken.item_id == item.id:
            raise RequestError("What is being said now will have this id.", param="item.id")
        join(self.conversation, item, self.emit, after)

    def retrieve(self, item_id: str) -> None:
        """Tell all of an item. Raises `NotFound`."""
        self.emit(events.ItemRetrieved(self.conversation.get(item_id)))

    def delete(self, item_id: str) -> None:
        """Raises `NotFound`."""
        self.conversation.remove(item_id)
        self.emit(events.ItemDeleted(item_id))

    def truncate(self, item_id: str, content_index: int, end_ms: float) -> None:
        """The user heard an assistant's message up to here only. Beyond its audio it is clamped."""
        item = self.conversation.get(item_id)
        heard = item.role == "assistant" and item.kind == "message" and content_index < len(item.said)
        if not heard or not item.said[content_index].aloud:
            raise RequestError("Only the audio of an assistant's message can be cut.", param="item_id")
        active = self.replies.active
        if active is not None and active.message is item:  # nobody listens to the rest of it
            self.replies.stop(active, "client_cancelled")
        self.emit(events.ItemTruncated(item_id, content_index, item.cut(end_ms)))
        self.conversation.changes += 1

    # Responses

    def respond(
        self, style: Style, *, joins: bool, given: Sequence[Item] | None, metadata: Mapping[str, str] | None
    ) -> None:  # fmt: skip
        """Answer now. Raises `RequestError` where another response is not over."""
        if not self.conduct.replies:
            raise RequestError("This session only transcribes.", param="type")
        usual = joins and style == self.conduct.style
        draft = self.replies.draft(style, self.conduct.keep, given=given, usual=usual)
        self.replies.begin(draft, style, joins=joins, metadata=metadata)
        self.owes = self.owes and not joins

    def cancel(self, response_id: str | None) -> None:
        """Stop a response. Raises `RequestError` where there is none."""
        self.replies.cancel(response_id, "client_cancelled")

    def silence(self) -> None:
        """Say nothing more of the reply that sounds."""
        last = self.replies.last
        if self.replies.active is not None:
            self.replies.stop(self.replies.active, "client_cancelled")
        self.emit(events.OutputCleared(last.id if last is not None else ""))
