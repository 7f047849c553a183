"""A whole conversation on one connection, for satellites: from the wake word to the reply's sound, and on.

What is said goes into a live conversation as soon as it is the satellite's turn to speak, and no sooner: what its
microphone hears of the reply, or of the room, is for the wake word alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import anyio
from wyoming.asr import Transcript
from wyoming.vad import VoiceStarted, VoiceStopped
from wyoming.wake import Detect, Detection

from appliance.callers.tally import Tally
from appliance.errors import ApplianceError, RequestError, one_error
from appliance.ids import new_id
from appliance.jobs import DETECT_SAMPLES
from appliance.voice.live.conversation import Item, Said
from appliance.voice.live.events import (
    Delta,
    Fault,
    LiveEvent,
    ResponseCreated,
    ResponseDone,
    SpeechStarted,
    SpeechStopped,
    TranscriptDone,
    TranscriptFailed,
)
from appliance.voice.live.record import Record
from appliance.voice.live.session import LiveSession
from appliance.wyoming import wire
from appliance.wyoming.ears import Ears
from appliance.wyoming.replying import Replying
from appliance.wyoming.speaking import Speaking
from appliance.wyoming.waking import Waking
from appliance.wyoming.ways import conduct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.voice.live.response import Response
    from appliance.wyoming.admission import Guest
    from appliance.wyoming.household import Household
    from appliance.wyoming.outbox import Outbox
    from appliance.wyoming.stalling import Next

State = Literal["idle", "wake", "asr", "reply"]

SILENT_SECONDS: Final = 10.0
"""Of audio in which nobody says anything after the wake word: then nobody wants anything."""
FORGOTTEN_SECONDS: Final = 300.0
"""After so long a new conversation begins, as in Home Assistant."""


class Pipeline:
    """Of one satellite. `box` as it answers; `names` of all wake words there are; `voice` is the one that replies."""

    def __init__(self, guest: Guest, box: Household, outbox: Outbox, names: Sequence[str], voice: str) -> None:
        self._guest, self._box, self._outbox, self._names, self._voice = guest, box, outbox, names, voice
        self._plan: wire.RunPipeline
        self._state: State = "idle"
        self._waking: Waking
        self._ears: Ears | None = None
        self._silent = 0.0
        """Seconds of audio in which nobody has spoken, since it is the satellite's turn to."""
        self._speaking = False
        self._words: list[str] = []
        """That were said and not told yet, as the speaker went on."""
        self._active = 0.0
        """When something was said last."""
        self._replying = Replying(outbox)
        self._woken = self._stopping = False
        """Whether the next conversation's wake word was said; whether the satellite says that this was all."""
        self._next: wire.RunPipeline | None = None
        """What another conversation begins with."""
        self._tally = Tally(box.meter)
        self._live: LiveSession
        self._record: Record

    @property
    def resting(self) -> bool:
        """Whether nobody speaks or is answered."""
        return self._state in ("idle", "wake")

    async def run(self, first: wire.RunPipeline, events: Next) -> None:
        """Serve for as long as the satellite is there; one conversation after another."""
        self._next = first
        try:
            while (following := self._next) is not None:
                self._next = None
                await self._converse(following, events)
        finally:
            self._tally.finish()

    async def _converse(self, first: wire.RunPipeline, events: Next) -> None:
        """One conversation, until the next one begins."""
        box, name = self._box, new_id("conv")
        self._record = Record(box.conversations, box.recorder, box.stories, self._guest.caller.owner, name)
        self._live = LiveSession(
            box.stages, conduct(box, self._voice, first), self._happened,
            most_seconds=box.settings.limits.turn_seconds, lead=box.settings.voice.lead_ms / 1000,
        )  # fmt: skip

        async def serve() -> None:
            if self._woken:  # its wake word has been said already
                self._woken = False
                self._listen()
            else:
                await self._begin(first)
            while self._next is None:
                event = await events()
                if isinstance(event, wire.RunPipeline) and self._forgotten:
                    self._next = event
                else:
                    await self._take(event)

        try:
            with box.lines.take(self._guest.caller, "live", name), one_error():
                await self._live.run(serve)
        finally:
            self._record.write(self._live.conversation)

    @property
    def _forgotten(self) -> bool:
        """Whether nothing was said for so long that a new conversation begins."""
        return anyio.current_time() - self._active > FORGOTTEN_SECONDS

    async def _take(self, event: wire.ClientEvent) -> None:
        """Whatever is wrong with an event is told, and the conversation goes on."""
        try:
            await self._do(event)
        except ApplianceError as error:
            self._failed(error)

    async def _do(self, event: wire.ClientEvent) -> None:
        match event:
            case wire.RunPipeline():
                await self._begin(event)
            case wire.AudioStart():
                self._ears = Ears(event)
            case wire.AudioChunk(audio=audio):
                self._ears = self._ears.fitting(event) if self._ears is not None else Ears(event)
                await self._hear(self._ears.hear(audio), self._ears.seconds(audio))
            case wire.AudioStop():
                await self._stopped()
            case wire.Played():
                if self._state == "reply" and not self._replying.sounding:
                    self._over()
            case wire.Transcript(text=text):
                self._answer(text)
            case _:
                pass

    async def _begin(self, plan: wire.RunPipeline) -> None:
        """A satellite wants to go through these stages. Raises `RequestError`."""
        start, end = (wire.STAGES.index(stage) for stage in (plan.start_stage, plan.end_stage))
        if end < start:
            raise RequestError("The pipeline ends before it begins.", param="end_stage")
        if self._state == "asr":
            self._live.clear()  # what was broken off
        elif self._state == "reply":
            self._state = "idle"
            self._live.silence()  # whoever begins anew while the box speaks wants it to listen
        self._plan, self._active = plan, anyio.current_time()
        self._live.update(conduct(self._box, self._voice, plan))
        if plan.start_stage == "tts":
            await Speaking(self._guest, self._voice, self._outbox).say(plan.announce_text or "")
            self._state = "idle"
        else:
            self._start()

    def _start(self) -> None:
        """From the first stage on. One that begins with words waits for them."""
        if self._plan.start_stage == "wake":
            self._state = "idle"
            self._waking = Waking(self._box.stages.turn, self._plan.wake_word_names, self._names)
            self._state = "wake"
            self._outbox.put(Detect(self._waking.names).event())
        elif self._plan.start_stage == "asr":
            self._listen()
        else:
            self._state = "idle"

    def _over(self) -> None:
        """This round is over. A satellite that cannot hear the wake word by itself goes on streaming."""
        if self._plan.restart_on_end or self._plan.start_stage == "wake":
            self._start()
        else:
            self._state = "idle"

    def _listen(self) -> None:
        """It is the satellite's turn to speak."""
        self._state, self._silent, self._speaking = "asr", 0.0, False
        self._words.clear()

    def _answer(self, text: str) -> None:
        """Words that were heard elsewhere."""
        if self._live.conduct.replies and text.strip():
            self._live.create(Item(new_id("item"), said=[Said(text=text)]), None)
            self._live.respond(self._live.conduct.style, joins=True, given=None, metadata=None)
            self._state = "reply"

    async def _hear(self, pcm: bytes, seconds: float) -> None:
        if self._state == "asr":
            self._box.meter.check_audio()
            self._tally.add(seconds)
            self._silent += 0.0 if self._speaking else seconds
            await self._live.append(pcm)
            if self._silent > SILENT_SECONDS and self._state == "asr":
                self._nothing()
        elif self._plan.start_stage == "wake" and (name := await self._waking.hear(pcm)) is not None:
            if self._forgotten:
                self._next, self._woken = self._plan, True
            self._listen()
            self._live.silence()  # who says it while the box speaks wants it to listen
            self._outbox.put(Detection(name).event())

    async def _stopped(self) -> None:
        """The satellite says that this was all."""
        if self._state != "asr":
            return
        live = self._live
        await live.microphone.room(DETECT_SAMPLES - 1)
        if live.spoken is None and live.microphone.all_looked_at and not self._words:
            self._nothing()
            return
        self._state, self._stopping = "reply", live.conduct.replies
        live.commit()

    def _nothing(self) -> None:
        self._failed(RequestError("Nobody has said anything.", code="audio_silent"))

    def _failed(self, error: ApplianceError) -> None:
        """Something is wrong. Where the satellite was to speak, it is not any more; it stops at a transcript only."""
        self._outbox.tell(error)
        if self._state != "asr" and not self._stopping:
            return
        self._state, self._stopping = "idle", False
        self._live.clear()
        self._outbox.put(Transcript("").event())
        if self._plan.start_stage == "wake":
            self._start()

    def _happened(self, event: LiveEvent) -> None:
        self._record.note(event, self._live.conversation)
        put = self._outbox.put
        match event:
            case SpeechStarted(at_ms=at):
                self._speaking, self._active = True, anyio.current_time()
                put(VoiceStarted(at).event())
            case SpeechStopped(at_ms=at):
                put(VoiceStopped(at).event())
            case TranscriptDone(text=text):
                self._said(text)
            case TranscriptFailed(error=error):
                self._outbox.tell(error)
                self._said("", failed=True)
            case Fault(error=error):
                self._outbox.tell(error)
            case ResponseCreated():
                self._replying.begin()
            case Delta():
                self._replying.more(event)
            case ResponseDone(response=response):
                self._answered(response)
            case _:
                pass

    def _said(self, text: str, *, failed: bool = False) -> None:
        """`failed`: nobody knows what; where there are to be replies, one that tells so follows."""
        self._words += [text] if text else []
        unsaid = not self._words and not failed
        if self._state == "asr" and (unsaid or self._live.spoken is not None):
            self._speaking = self._live.spoken is not None  # it was a noise, or goes on
            return
        self._outbox.put(Transcript(" ".join(self._words)).event())
        self._state = "reply"
        self._live.clear()  # nobody hears the end of what comes now
        stopping, self._stopping = self._stopping, False
        if stopping and self._words:
            self._live.respond(self._live.conduct.style, joins=True, given=None, metadata=None)
        elif stopping or not self._live.conduct.replies:
            self._over()

    def _answered(self, response: Response) -> None:
        self._active = anyio.current_time()
        heard = self._replying.end(response)
        if self._state == "reply" and not (heard and self._plan.start_stage == "asr"):
            self._over()  # otherwise once the satellite has `played` it: it would hear itself
