"""Somebody who calls the box with OpenAI's own client, and notes all that comes back."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import httpx
import numpy as np
import openai
import soxr
from protocol import Protocol

from appliance.audio import read_wav

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

RATE = 24_000
PATIENCE_SECONDS = 30
SILENCE = bytes(RATE * 2)
"""A second."""
TAKES = 5
"""The voice never says a text twice the same, and now and then not clearly."""
HEARD: dict[str, Any] = {
    "transcription": {"model": "whisper-1", "language": "en"},
    "turn_detection": {"type": "server_vad", "silence_duration_ms": 450},
}
"""How a take is listened to. A pause that a session of the usual 500 ms may take for the end of a turn, depending on
where its windows of 32 ms begin, ends one here."""


def at_24k(wav: bytes) -> bytes:
    """A WAV's samples as the protocol's `audio/pcm`."""
    pcm, rate = read_wav(wav)
    samples = np.frombuffer(pcm, dtype="<i2")
    return bytes(soxr.resample(samples, rate, RATE).astype("<i2").tobytes())


class Caller:
    """One connection. Every event is checked against the protocol's order as it comes."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.events: list[Any] = []
        self.protocol = Protocol()
        self._news = asyncio.Event()
        self.closed = False
        self.forgiven: set[str] = set()
        """Codes of errors that a scene expects."""
        self.wrong: Exception | None = None

    async def listen(self) -> None:
        """Note what comes."""
        try:
            async for event in self.connection:
                self.events.append(event)
                self.protocol.check(event.to_dict())
                self._news.set()
        except Exception as error:
            self.wrong = error
            raise
        finally:
            self.closed = True
            self._news.set()

    async def say(self, pcm: bytes, silence: float = 0.0) -> None:
        """Audio, faster than anybody can speak, and some silence after it."""
        pcm += SILENCE[:2] * int(silence * RATE)
        for start in range(0, len(pcm), RATE // 5):
            piece = base64.b64encode(pcm[start : start + RATE // 5]).decode()
            await self.connection.input_audio_buffer.append(audio=piece)

    async def until(self, wanted: str | Callable[[Any], bool], count: int = 1) -> Any:
        """Wait for the n-th event of a type, or one that fits."""

        def fits(event: Any) -> bool:
            return bool(event.type == wanted if isinstance(wanted, str) else wanted(event))

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(found := [event for event in self.events if fits(event)]) < count and not (
                    self.closed or self.errors
                ):
                    self._news.clear()
                    await self._news.wait()
        assert not self.errors, self.errors
        if self.wrong is not None:
            raise self.wrong
        assert len(found) >= count, [event.to_dict() for event in self.events if "delta" not in event.type][-6:]
        return found[count - 1]

    @property
    def errors(self) -> list[Any]:
        """Errors that nobody expected."""
        return [event for event in self.all("error") if event.error.code not in self.forgiven]

    def all(self, kind: str) -> list[Any]:
        """Events of a type."""
        return [event for event in self.events if event.type == kind]

    def audio(self, response_id: str) -> bytes:
        """All audio of a response."""
        deltas = [event for event in self.all("response.output_audio.delta") if event.response_id == response_id]
        return b"".join(base64.b64decode(event.delta) for event in deltas)


@asynccontextmanager
async def calling(
    url: str, conversation: str | None = None, key: str = "none", **session: Any
) -> AsyncIterator[Caller]:
    """A caller whose session has been set up; no error may have come unless the test took it away."""
    goes_on = {} if conversation is None else {"conversation": conversation}
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key)
    async with client, client.realtime.connect(model="gpt-realtime", extra_query=goes_on) as connection:
        caller = Caller(connection)
        listening = asyncio.create_task(caller.listen())
        await caller.until("session.created")
        if session:
            await connection.session.update(session=cast("Any", {"type": "realtime", **session}))
            await caller.until("session.updated")
        try:
            yield caller
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            if (error := listening.exception() if not listening.cancelled() else None) is not None:
                raise error
        assert not caller.errors, caller.errors


def words_of(text: str) -> list[str]:
    return "".join(letter for letter in text.lower() if letter.isalpha() or letter == " ").split()


def transcribe(url: str, recording: bytes) -> str:
    """What is said in a recording; nothing where no speech is found in it."""
    files, data = {"file": ("a.wav", recording)}, {"language": "en"}
    answer = httpx.post(f"{url}/v1/audio/transcriptions", files=files, data=data, timeout=60)
    if not answer.is_success:
        assert answer.json()["error"]["code"] == "audio_silent", answer.text
        return ""
    return str(answer.json()["text"])


def speak(url: str, text: str, heard: dict[str, Any] = HEARD) -> bytes:
    """Words as `audio/pcm`, in the box's own voice: the first of a few takes of which a live conversation hears each
    word, in one turn. `heard`: that conversation's `audio.input`."""
    turns: list[str] = []
    for _ in range(TAKES):
        answer = httpx.post(f"{url}/v1/audio/speech", json={"input": text, "response_format": "wav"}, timeout=60)
        pcm = at_24k(answer.raise_for_status().content)
        turns = asyncio.run(_turns(url, pcm, heard))
        if [words_of(turn) for turn in turns] == [words_of(text)]:
            return pcm
    raise AssertionError(f"{TAKES} takes of {text!r}, and none is understood; the last as {turns}")


async def _turns(url: str, pcm: bytes, heard: dict[str, Any]) -> list[str]:
    """The words of the first turn that `pcm` is taken for, and something for each further one."""
    async with calling(url, type="transcription", audio={"input": heard}) as caller:
        if heard["turn_detection"] is None:
            await caller.say(pcm)
            await caller.connection.input_audio_buffer.commit()
        else:
            await caller.say(pcm, 0.8)
        first = await caller.until("conversation.item.input_audio_transcription.completed")
        return [first.transcript, *("(more)" for _ in caller.all("input_audio_buffer.speech_started")[1:])]
