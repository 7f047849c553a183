"""Speech to text, while it is spoken: words are told as soon as they are certain, and all of them at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop

from appliance.callers.languages import language_code
from appliance.callers.tally import Tally
from appliance.errors import RequestError, TooSlow, one_error
from appliance.jobs import DETECT_SAMPLES
from appliance.turns.detection import SemanticVad, ServerVad
from appliance.voice.live.conduct import Conduct, Transcribing
from appliance.voice.live.events import (
    BufferCommitted,
    Fault,
    LiveEvent,
    TranscriptDelta,
    TranscriptDone,
    TranscriptFailed,
)
from appliance.voice.live.session import LiveSession
from appliance.wyoming.ears import Ears
from appliance.wyoming.stalling import next_of
from appliance.wyoming.wire import AudioChunk, AudioStart, AudioStop

if TYPE_CHECKING:
    from appliance.errors import ApplianceError
    from appliance.wyoming.admission import Guest
    from appliance.wyoming.outbox import Outbox
    from appliance.wyoming.stalling import Next
    from appliance.wyoming.wire import Transcribe

NEVER_MS: Final = 86_400_000
"""Silence after which a turn is over that only the client ends."""
AHEAD_SECONDS: Final = 1.5
"""Of audio, by which a recording comes faster than somebody can have spoken it."""
SILENT_SECONDS: Final = 10.0
"""Of audio in which nobody speaks, where the box is to notice the end."""
MOST_NAMES: Final = 200
"""Characters of names that a transcript is told to expect; Whisper reads no more than a few dozen."""


class Hearing:
    """One stretch of audio of a guest's, from `transcribe` to `audio-stop`, or until somebody has said all."""

    def __init__(self, guest: Guest, wanted: Transcribe, outbox: Outbox, *, ends: bool) -> None:
        """`ends`: the box notices itself that all is said. Raises `RequestError`."""
        self._guest, self._outbox, self._ends = guest, outbox, ends
        settings = guest.box.settings
        told = ", ".join(wanted.transcript_names or wanted.transcript_terms or ())[:MOST_NAMES]
        language = language_code(wanted.language, "language") if wanted.language else settings.stt.language or None
        names = ", ".join(each for each in (told, settings.stt.hotwords) if each)
        detection = SemanticVad(create_response=False) if ends else ServerVad(
            silence_duration_ms=NEVER_MS, create_response=False
        )  # fmt: skip
        conduct = Conduct(
            replies=False, detection=detection, sound_in="pcm16k",
            transcribing=Transcribing(language=language, hotwords=names or None),
        )  # fmt: skip
        self._language = language
        self._live = LiveSession(
            guest.box.stages, conduct, self._happened, most_seconds=settings.limits.turn_seconds,
            lead=settings.voice.lead_ms / 1000,
        )  # fmt: skip
        self._texts: dict[str, str | None] = {}
        """By item, in their order; None while it is not known."""
        self._spoken = False
        """Whether any words were told."""
        self._error: ApplianceError | None = None
        self._ended = False
        """Whether no more audio is wanted."""
        self._known = anyio.Event()
        self._began = 0.0
        self._tally = Tally(guest.box.meter)
        self._seconds = self._quiet = 0.0
        """Of audio: all of it, and before anybody has spoken."""

    async def run(self, start: AudioStart, events: Next) -> None:
        """Hear all of it and tell it. Raises what keeps it from being understood."""
        self._guest.box.meter.check_audio()
        try:
            with one_error():
                await self._live.run(lambda: self._serve(start, events))
        finally:
            self._tally.finish()
        text = " ".join(filter(None, self._texts.values()))
        if self._error is not None and not text:
            raise self._error
        self._begin()
        self._outbox.put(Transcript(text, language=self._language).event(), TranscriptStop().event())

    async def _serve(self, start: AudioStart, events: Next) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen, start, events)
            await self._known.wait()
            tasks.cancel_scope.cancel()  # what still comes of it is not wanted any more

    async def _listen(self, start: AudioStart, events: Next) -> None:
        ears, self._began = Ears(start), anyio.current_time()
        while not self._ended:
            event = await next_of(events, TooSlow("The audio has stopped coming, without audio-stop."))
            match event:
                case AudioStop():
                    await self._finish()
                case AudioChunk(audio=audio):
                    ears = ears.fitting(event)
                    await self._take(ears.hear(audio), ears.seconds(audio))
                case AudioStart():
                    ears = Ears(event)
                case _:
                    pass

    async def _take(self, pcm: bytes, seconds: float) -> None:
        self._seconds += seconds
        self._tally.add(seconds)
        await self._live.append(pcm)
        if self._ends and not self._recorded and self._live.spoken is None and not self._texts:
            self._quiet += seconds
            if self._quiet > SILENT_SECONDS:  # a false wake word: nobody else would end it
                self._ended = True
                self._look()

    async def _finish(self) -> None:
        """The client says that this was all."""
        live = self._live
        await live.microphone.room(DETECT_SAMPLES - 1)
        if live.spoken is not None or not live.microphone.all_looked_at:  # where nobody could listen, all of it counts
            try:
                live.commit()
            except RequestError as error:
                if error.code != "audio_buffer_empty":
                    raise
        self._ended = True
        self._look()

    def _happened(self, event: LiveEvent) -> None:
        match event:
            case BufferCommitted(item_id):
                self._texts[item_id] = None
            case TranscriptDelta(delta=delta):
                first = self._begin()
                self._outbox.put(TranscriptChunk(delta if first or delta[:1].isspace() else f" {delta}").event())
            case TranscriptDone(item_id, text):
                self._texts[item_id] = text
                self._ended = self._ended or bool(text and self._ends and not self._recorded)
                self._look()
            case TranscriptFailed(item_id, error):
                self._texts[item_id], self._error = "", error
                self._look()
            case Fault(error):
                self._error = error
            case _:
                pass

    def _begin(self) -> bool:
        """Words follow. Whether they are the first."""
        first, self._spoken = not self._spoken, True
        if first:
            self._outbox.put(TranscriptStart(language=self._language).event())
        return first

    def _look(self) -> None:
        if self._ended and None not in self._texts.values():
            self._known.set()

    @property
    def _recorded(self) -> bool:
        """Whether nobody speaks at this moment: a recording's pauses end nothing."""
        return self._seconds - (anyio.current_time() - self._began) > AHEAD_SECONDS
