"""Text to speech, clause by clause: the first sound leaves while the text still comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.tts import SynthesizeStopped

from appliance.audio import SAMPLE_BYTES
from appliance.dialogue.clauses import Clauses
from appliance.dialogue.spoken_text import SpokenText
from appliance.errors import RequestError, TooSlow, one_error
from appliance.jobs import SPEECH_RATE, Audio, Speak
from appliance.voice.live.patience import patient
from appliance.wyoming.stalling import next_of
from appliance.wyoming.wire import Synthesize, SynthesizeChunk, SynthesizeStop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from appliance.wyoming.admission import Guest
    from appliance.wyoming.outbox import Outbox
    from appliance.wyoming.stalling import Next

MOST_CLAUSES: Final = 256
"""That wait to be spoken; then the client has to wait with more text."""
FORM: Final = {"rate": SPEECH_RATE, "width": SAMPLE_BYTES, "channels": 1}


class Speaking:
    """One text of a guest's, with one of the box's voices."""

    def __init__(self, guest: Guest, voice: str, outbox: Outbox) -> None:
        self._stage, self._most = patient(guest.box.stages).tts, guest.box.settings.limits.speech_characters
        self._voice, self._outbox = voice, outbox
        self._clauses, self._spoken = Clauses(phrases=True), SpokenText()
        self._characters = self._samples = 0

    async def say(self, text: str) -> None:
        """All of a text that is there already. Raises `RequestError`."""
        if not text.strip():
            raise RequestError("There is nothing to say in the text.", code="text_empty", param="text")

        async def write(out: MemoryObjectSendStream[str]) -> None:
            await self._feed(text, out)

        await self._speak(write)

    async def say_as_it_comes(self, events: Next) -> None:
        """A text that comes piece by piece, until `synthesize-stop`. The whole text, for older servers, is left out."""

        async def write(out: MemoryObjectSendStream[str]) -> None:
            while True:
                event = await next_of(events, TooSlow("The text has stopped coming, without synthesize-stop."))
                match event:
                    case SynthesizeStop():
                        return
                    case SynthesizeChunk(text=text):
                        await self._feed(text, out)
                    case Synthesize() | _:
                        pass

        await self._speak(write)
        await self._outbox.say(SynthesizeStopped().event())

    async def _feed(self, text: str, out: MemoryObjectSendStream[str]) -> None:
        self._characters += len(text)
        if self._characters > self._most:
            message = f"The text has more than {self._most} characters."
            raise RequestError(message, code="text_too_long", param="text")
        for clause in self._clauses.feed(text):
            await out.send(self._spoken.speakable(clause))

    async def _speak(self, write: Callable[[MemoryObjectSendStream[str]], Awaitable[None]]) -> None:
        to_say, clauses = anyio.create_memory_object_stream[str](MOST_CLAUSES)

        async def written() -> None:
            async with to_say:
                await write(to_say)
                for clause in self._clauses.finish():
                    await to_say.send(self._spoken.speakable(clause))

        with one_error():
            async with to_say, clauses, anyio.create_task_group() as tasks:
                tasks.start_soon(written)
                await self._sound(clauses)
        if not self._samples:
            await self._outbox.say(AudioStart(**FORM).event())
        await self._outbox.say(AudioStop(timestamp=self._samples * 1000 // SPEECH_RATE).event())

    async def _sound(self, clauses: MemoryObjectReceiveStream[str]) -> None:
        async for words in clauses:
            if not words:
                continue
            job = Speak(text=words, voice=self._voice, split=False, priority="live")
            async with self._stage.stream(job) as parts:
                async for part, pcm in parts:
                    if isinstance(part, Audio):
                        await self._tell(pcm)

    async def _tell(self, pcm: bytes) -> None:
        if not self._samples:
            await self._outbox.say(AudioStart(**FORM, timestamp=0).event())
        for start in range(0, len(pcm), SPEECH_RATE * SAMPLE_BYTES):
            piece = pcm[start : start + SPEECH_RATE * SAMPLE_BYTES]
            await self._outbox.say(
                AudioChunk(audio=piece, timestamp=self._samples * 1000 // SPEECH_RATE, **FORM).event()
            )
            self._samples += len(piece) // SAMPLE_BYTES
