"""The user's audio as it comes: kept until it is part of a turn, and counted, since its samples are the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from appliance.audio import SAMPLE_BYTES
from appliance.jobs import DETECT_SAMPLES, STT_RATE
from appliance.sound import SoundIn

if TYPE_CHECKING:
    from appliance.sound import SoundFormat

MOST_BEHIND: Final = 30 * STT_RATE
"""Samples that may wait for the detector; a client that sends faster than it listens has to wait."""
PATIENCE_SECONDS: Final = 5.0


class Microphone:
    """Mono 16-bit samples at `STT_RATE`; positions count from the session's first sample. `most`: samples kept."""

    def __init__(self, form: SoundFormat, most: int) -> None:
        self._sound, self.most = SoundIn(form), most
        self._kept = bytearray()
        self.begin = 0
        """Position of the first sample that is kept."""
        self.looked_at = 0
        """Position up to which the detector has listened."""
        self._news = anyio.Event()
        self._room = anyio.Event()
        self._arrived = 0.0
        self._patient = True
        self._full = False

    @property
    def end(self) -> int:
        """Position after the last sample."""
        return self.begin + len(self._kept) // SAMPLE_BYTES

    @property
    def held(self) -> int:
        """Samples that are kept."""
        return self.end - self.begin

    @property
    def all_looked_at(self) -> bool:
        """Whether the detector has listened to all that there is but for a part of a window."""
        return self.end - self.looked_at < DETECT_SAMPLES

    def change(self, form: SoundFormat) -> None:
        """From now on audio comes in this format."""
        if form != self._sound.form:
            self._sound = SoundIn(form)

    def add(self, data: bytes) -> bool:
        """Audio came, in the client's format. What is too old to be part of a turn goes; whether it begins to."""
        self._kept += self._sound.feed(data)
        self._arrived = anyio.current_time()
        too_much = self.held > self.most
        if too_much:
            self.forget(self.end - self.most)
        self._news.set()
        begins, self._full = too_much and not self._full, too_much
        return begins

    async def room(self, behind: int = MOST_BEHIND) -> None:
        """Wait until no more than so many samples wait for the detector.

        But not for long: where it is down, the oldest audio goes.
        """
        with anyio.move_on_after(PATIENCE_SECONDS) as waiting:
            while self._patient and self.end - self.looked_at > behind:
                self._room = anyio.Event()
                await self._room.wait()
        if waiting.cancelled_caught:
            self._patient = False  # until the detector moves again

    async def windows(self, most: int) -> bytes:
        """Wait for whole windows that nobody has looked at; up to `most` of them. `looked` says that they were."""
        while (count := (self.end - self.looked_at) // DETECT_SAMPLES) == 0:
            self._news = anyio.Event()
            await self._news.wait()
        return self.between(self.looked_at, self.looked_at + min(count, most) * DETECT_SAMPLES)

    def looked(self, at: int, pcm: bytes) -> bool:
        """The detector has listened to this, from position `at` on; False if nobody wants to know any more."""
        if self.looked_at != at:
            return False
        self.looked_at += len(pcm) // SAMPLE_BYTES
        self._patient = True
        self._room.set()
        return True

    def skip(self) -> None:
        """Nobody has to listen to what is there."""
        self.looked_at = self.end
        self._room.set()

    def between(self, start: int, end: int | None = None) -> bytes:
        """Samples from one position to another, as far as they are kept."""
        first = max(start, self.begin) - self.begin
        last = (self.end if end is None else end) - self.begin
        return bytes(self._kept[first * SAMPLE_BYTES : last * SAMPLE_BYTES])

    def forget(self, before: int) -> None:
        """Samples before this position are not needed any more."""
        count = min(max(0, before - self.begin), self.held)
        del self._kept[: count * SAMPLE_BYTES]
        self.begin += count
        if self.looked_at < self.begin:
            self.looked_at = self.begin
            self._room.set()

    @property
    def idle(self) -> float:
        """Seconds since any audio came."""
        return anyio.current_time() - self._arrived

    def since(self, position: int) -> float:
        """Seconds since the sample at this position came."""
        return anyio.current_time() - self._arrived + (self.end - position) / STT_RATE
