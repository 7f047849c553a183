"""Sending a reply's audio slightly ahead of real time, so that an interruption has little to take back.

The client is taken to play what it gets at once and without a gap for as long as there is any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from appliance.audio import SAMPLE_BYTES
from appliance.jobs import SPEECH_RATE

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE_BYTES: Final = SPEECH_RATE // 10 * SAMPLE_BYTES
"""Sent at a time: 100 ms."""

LEAST_SECONDS: Final = 0.001
"""A wait that is worth it: a clock that has not moved is not looked at again and again."""


class Playout:
    """The audio of one reply. `send` takes mono 16-bit samples at `SPEECH_RATE`; `lead` is in seconds."""

    def __init__(self, send: Callable[[bytes], None], lead: float) -> None:
        self._send, self._lead = send, lead
        self._began: float | None = None
        """When the first sample would have been played, had there been no gaps."""
        self._sent = 0.0
        self._free = anyio.Event()
        self._free.set()

    @property
    def sent_ms(self) -> float:
        """So much has left."""
        return self._sent * 1000

    @property
    def played_ms(self) -> float:
        """So much of it can have been heard by now."""
        if self._began is None:
            return 0.0
        return min(self._sent, anyio.current_time() - self._began) * 1000

    @property
    def sounding(self) -> bool:
        """Whether the client has something to play."""
        return self._began is not None and self.played_ms < self.sent_ms

    @property
    def held(self) -> bool:
        """Whether nothing is sent for the moment."""
        return not self._free.is_set()

    def hold(self) -> None:
        """Send nothing more for the moment."""
        if not self.held:
            self._free = anyio.Event()

    def go_on(self) -> None:
        """Send again."""
        self._free.set()

    async def play(self, pcm: bytes) -> None:
        """Send as time goes by; returns when the last piece has left."""
        for start in range(0, len(pcm), PIECE_BYTES):
            await self._ready()
            piece = pcm[start : start + PIECE_BYTES]
            now = anyio.current_time()
            if self._began is None or now - self._began > self._sent:  # the client has run dry
                self._began = now - self._sent
            self._send(piece)
            self._sent += len(piece) / SAMPLE_BYTES / SPEECH_RATE

    async def _ready(self) -> None:
        while True:
            await self._free.wait()
            ahead = 0.0 if self._began is None else self._sent - (anyio.current_time() - self._began)
            if self.held:
                continue
            if ahead <= self._lead:
                return
            await anyio.sleep(max(LEAST_SECONDS, ahead - self._lead))
