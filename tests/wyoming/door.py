"""A whole box with its Wyoming door, and what clients of Wyoming's own library say and hear there."""

from __future__ import annotations

import re
import wave
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import httpx
import numpy as np
import soxr
from conftest import serving
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.version import __version__

from appliance.wyoming.frames import frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wyoming.event import Event

PATIENCE_SECONDS = 60
RATE = 16_000
PIECE = 2048
"""Bytes of a chunk, as Home Assistant and satellites send them."""


@contextmanager
def wyoming_box(log: Path, **environ: str) -> Iterator[tuple[str, int, int]]:
    """A real box: its address, the port of its Wyoming door, and its process."""
    wanted = {"ENABLED": "true", "PORT": "0", "DISCOVERY": "false"}
    given = {f"APPLIANCE_WYOMING__{name}": value for name, value in wanted.items()} | environ
    with serving(log, **given) as (process, url):
        port = re.search(r"tcp://127\.0\.0\.1:(\d+)", log.read_text())
        assert port is not None
        yield url, int(port[1]), process.pid


class Client(AsyncTcpClient):
    """As one of another version of the library."""

    def __init__(self, port: int, version: str) -> None:
        super().__init__("127.0.0.1", port)
        self._version = version

    async def write_event(self, event: Event) -> None:
        assert self._writer is not None
        self._writer.write(frame(event).replace(__version__.encode(), self._version.encode()))
        await self._writer.drain()


async def answers(client: AsyncTcpClient, *last: str) -> list[Event]:
    """What comes, up to an event of one of these kinds, or to the end of the connection."""
    came: list[Event] = []
    with anyio.fail_after(PATIENCE_SECONDS):
        while (event := await client.read_event()) is not None:
            came.append(event)
            if event.type in last:
                break
    return came


def kinds(events: list[Event]) -> list[str]:
    """Their kinds, in order, each stretch of one kind once."""
    found: list[str] = []
    for event in events:
        if found[-1:] != [event.type]:
            found.append(event.type)
    return found


def sound(events: list[Event]) -> bytes:
    """All audio in them."""
    return b"".join(AudioChunk.from_event(each).audio for each in events if AudioChunk.is_type(each.type))


async def send(client: AsyncTcpClient, pcm: bytes, *, stop: bool = True, start: bool = True) -> None:
    """Audio at once, as a recording is sent."""
    if start:
        await client.write_event(AudioStart(RATE, 2, 1).event())
    for at in range(0, len(pcm), PIECE):
        await client.write_event(AudioChunk(RATE, 2, 1, pcm[at : at + PIECE]).event())
    if stop:
        await client.write_event(AudioStop().event())


async def speak(client: AsyncTcpClient, pcm: bytes) -> None:
    """Audio as it comes from a microphone."""
    await send(client, b"", stop=False)
    tenth = RATE // 10 * 2
    for at in range(0, len(pcm), tenth):
        await send(client, pcm[at : at + tenth], start=False, stop=False)
        await anyio.sleep(0.1)


def spoken(url: str, text: str, *, before: float = 0.0, after: float = 0.0) -> bytes:
    """The box's own voice, at 16 kHz, with so many seconds of a quiet room around it."""
    asked = {"input": text, "response_format": "pcm"}
    pcm = httpx.post(f"{url}/v1/audio/speech", json=asked, timeout=60).raise_for_status().content
    samples = soxr.resample(np.frombuffer(pcm, dtype="<i2"), 24_000, RATE)
    room = np.random.default_rng(1)
    quiet = [room.normal(0, 8, int(seconds * RATE)).astype("<i2") for seconds in (before, after)]
    return bytes(np.concatenate([quiet[0], samples.astype("<i2"), quiet[1]]).tobytes())


def recording(file: Path) -> bytes:
    """Samples of a WAV file at 16 kHz."""
    with wave.open(str(file)) as found:
        assert (found.getframerate(), found.getsampwidth(), found.getnchannels()) == (RATE, 2, 1)
        return bytes(found.readframes(found.getnframes()))


def words(text: str) -> list[str]:
    """In small letters, without marks."""
    return re.findall(r"[a-z']+", text.lower())
