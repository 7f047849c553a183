"""A line to a box: one live conversation as its client has it, over OpenAI's Realtime protocol."""

from __future__ import annotations

import base64
import json
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import anyio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from appliance.errors import one_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Hear = Callable[[dict[str, Any]], None]

RATE: Final = 24_000
PIECE_SECONDS: Final = 0.02
PIECE_BYTES: Final = int(RATE * PIECE_SECONDS) * 2
"""What a microphone gives at a time: 20 ms."""
OPEN_SECONDS: Final = 10


class LineError(Exception):
    """The box cannot be reached, or refuses; the message says why."""


@dataclass(slots=True)
class Reply:
    """A response as it is heard; times are those of `anyio.current_time`."""

    id: str
    text: str = ""
    pcm: bytearray = field(default_factory=bytearray)
    first_audio_at: float | None = None
    timings: dict[str, float] = field(default_factory=dict)
    """Milliseconds from the last voice to each stage, as the box measured them."""
    status: str = "in_progress"
    done: anyio.Event = field(default_factory=anyio.Event)


class Line:
    """`hear` is given every event, after it has been noted here."""

    def __init__(self, socket: Any, hear: Hear) -> None:
        self._socket, self.hear = socket, hear
        self.replies: list[Reply] = []
        self.transcripts: list[str] = []
        self.errors: list[dict[str, Any]] = []
        self.ended = False
        self._news = anyio.Event()

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event. Raises `LineError` if the box is gone."""
        try:
            await self._socket.send(json.dumps({"type": kind, **fields}))
        except ConnectionClosed as error:
            raise LineError("The box ended the conversation.") from error

    async def sound(self, pcm: bytes) -> None:
        """Send audio: mono 16-bit samples at `RATE`."""
        await self.send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())

    async def listen(self) -> None:
        """Note what happens, until the conversation ends."""
        try:
            async for message in self._socket:
                self._note(json.loads(message))
        except ConnectionClosed:
            pass
        finally:
            self.ended = True
            self._tell()

    async def wait(self, fits: Callable[[], bool]) -> None:
        """Until something is so, or the conversation has ended."""
        while not fits() and not self.ended:
            news = self._news
            await news.wait()

    def _tell(self) -> None:
        news, self._news = self._news, anyio.Event()
        news.set()

    def _note(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "response.created":
                self.replies.append(Reply(event["response"]["id"]))
            case "response.output_audio.delta":
                reply = self._reply(event["response_id"])
                if reply.first_audio_at is None:
                    reply.first_audio_at = anyio.current_time()
                reply.pcm += base64.b64decode(event["delta"])
            case "response.output_audio_transcript.delta" | "response.output_text.delta":
                self._reply(event["response_id"]).text += event["delta"]
            case "appliance.turn.timings":
                self._reply(event["response_id"]).timings = event["milliseconds"]
            case "response.done":
                reply = self._reply(event["response"]["id"])
                reply.status = event["response"]["status"]
                reply.done.set()
            case "conversation.item.input_audio_transcription.completed":
                self.transcripts.append(event["transcript"])
            case "error":
                self.errors.append(event["error"])
        self.hear(event)
        self._tell()

    def _reply(self, response_id: str) -> Reply:
        return next(reply for reply in self.replies if reply.id == response_id)


class Mouth:
    """Speaks recordings into a line in real time, and is silent between them: a microphone that is always on."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._began: float | None = None
        self._pieces = 0

    async def say(self, pcm: bytes) -> float:
        """Speak; the time at which the last sample was sent."""
        for start in range(0, len(pcm), PIECE_BYTES):
            await self._piece(pcm[start : start + PIECE_BYTES].ljust(PIECE_BYTES, b"\0"))
        return anyio.current_time()

    async def silence(self, seconds: float) -> None:
        """Say nothing for so long."""
        await self.say(bytes(PIECE_BYTES) * round(seconds / PIECE_SECONDS))

    async def silent_until(self, fits: Callable[[], bool], most: float) -> None:
        """Say nothing until something is so. Raises `LineError` if it is not after `most` seconds."""
        for _ in range(round(most / PIECE_SECONDS)):
            if fits() or self._line.ended:
                return
            await self._piece(bytes(PIECE_BYTES))
        raise LineError(f"The box did not answer within {most:g} s.")

    async def _piece(self, pcm: bytes) -> None:
        now = anyio.current_time()
        if self._began is None:
            self._began = now
        self._pieces += 1
        await anyio.sleep(max(0.0, self._began + self._pieces * PIECE_SECONDS - now))
        await self._line.sound(pcm)


@asynccontextmanager
async def dial(
    url: str, key: str | None, session: dict[str, Any], hear: Hear, model: str = "default", ca_file: str | None = None
) -> AsyncIterator[Line]:
    """Begin a conversation with the box at `url`, set up with `session`; for https `ca_file` may name what is trusted.

    Raises `LineError`.
    """
    parts = urlsplit(url)
    address = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}/v1/realtime?model={model}&timings=1"
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        trusted = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        opening = connect(address, additional_headers=headers, max_size=None, open_timeout=OPEN_SECONDS, ssl=trusted)
        async with opening as socket, anyio.create_task_group() as tasks:
            line = Line(socket, hear)
            tasks.start_soon(line.listen)
            await line.send("session.update", session={"type": "realtime", **session})
            yield line
            tasks.cancel_scope.cancel()
    except InvalidHandshake as error:
        raise LineError(f"{url} does not take live conversations. ({error})") from error
    except (OSError, TimeoutError) as error:
        raise LineError(f"{url} cannot be reached: is the box running? ({error})") from error


async def call(
    url: str, key: str | None, session: dict[str, Any], hear: Hear, talk: Callable[[Line], Awaitable[None]],
    ca_file: str | None = None,
) -> None:  # fmt: skip
    """One conversation from its beginning to its end."""
    with one_error(LineError):
        async with dial(url, key, session, hear, ca_file=ca_file) as line:
            await talk(line)
