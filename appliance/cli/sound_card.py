"""Microphone and loudspeaker of this machine, through sounddevice."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from typing import TYPE_CHECKING, Any

import anyio
import sounddevice

from appliance.cli.line import PIECE_BYTES, RATE, LineError

if TYPE_CHECKING:
    from appliance.cli.line import Line
    from appliance.cli.talk import Screen

MOST_PIECES = 500
"""Of the microphone's, 20 ms each, that may wait."""


class Loudspeaker:
    """What waits to be played. The sound card takes it in a thread of its own."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def fill(self, out: Any, _frames: int, _time: Any, _status: Any) -> None:
        """The sound card wants more."""
        piece = bytes(self._waiting[: len(out)])
        del self._waiting[: len(piece)]
        out[:] = piece.ljust(len(out), b"\0")

    def hear(self, event: dict[str, Any]) -> None:
        """Play replies; fall silent as soon as the user speaks."""
        if event["type"] == "response.output_audio.delta":
            self._waiting += base64.b64decode(event["delta"])
        elif event["type"] == "input_audio_buffer.speech_started":
            self._waiting.clear()


async def converse(screen: Screen, line: Line) -> None:
    """Until Ctrl-C, or the box ends it. Use headphones: the box hears its own loudspeaker otherwise."""
    speaker = Loudspeaker()
    shown = screen.show

    def show(event: dict[str, Any]) -> None:
        speaker.hear(event)
        shown(event)

    line.hear = show
    send, pieces = anyio.create_memory_object_stream[bytes](MOST_PIECES)
    loop = asyncio.get_running_loop()

    def take(data: Any, _frames: int, _time: Any, _status: Any) -> None:
        # The sound card's thread must not wait: closing the stream waits for it, in the loop's own thread.
        loop.call_soon_threadsafe(_put, send, bytes(data))

    async with send, pieces:
        form = {"samplerate": RATE, "channels": 1, "dtype": "int16", "blocksize": PIECE_BYTES // 2}
        try:
            with (
                sounddevice.RawInputStream(callback=take, **form),
                sounddevice.RawOutputStream(callback=speaker.fill, **form),
            ):
                async for piece in pieces:
                    if line.ended:
                        return
                    await line.sound(piece)
        except sounddevice.PortAudioError as error:
            raise LineError(f"The sound card cannot be used: {error}. Give --wav FILE instead.") from error


def _put(send: Any, piece: bytes) -> None:
    # Full where the box is far behind: what is spoken now would come later still. Closed where nobody talks any more.
    with contextlib.suppress(anyio.WouldBlock, anyio.ClosedResourceError):
        send.send_nowait(piece)
