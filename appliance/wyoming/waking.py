"""Waiting for a wake word in a stream: the last seconds are heard again and again, as the models are small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from wyoming.wake import Detection, NotDetected

from appliance.audio import SAMPLE_BYTES
from appliance.errors import NotFound, Unavailable
from appliance.jobs import STT_RATE, Wake, Woken
from appliance.wyoming.ears import Ears
from appliance.wyoming.wire import AudioChunk, AudioStop, Detect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from appliance.voice.stages import Stage
    from appliance.wyoming.outbox import Outbox
    from appliance.wyoming.stalling import Next
    from appliance.wyoming.wire import ClientEvent, Form

WINDOW_BYTES: Final = 2 * STT_RATE * SAMPLE_BYTES
"""Two seconds: longer than any wake word, and than its model looks back."""
EVERY_BYTES: Final = STT_RATE * SAMPLE_BYTES // 4
"""A quarter of a second between two looks."""
PAUSE_BYTES: Final = 3 * EVERY_BYTES
"""After a word: what is left of it is not the next one."""
WELCOME_SECONDS: Final = 5.0
"""Of audio, after which the key is looked at again."""
QUIET: Final = 100
"""Of 32,767: where nothing in the window is louder, nobody has spoken."""


class Waking:
    """One stream. `asked`: names of wake words, or all that are `known`; the turn stage hears them."""

    def __init__(self, stage: Stage, asked: Sequence[str] | None, known: Sequence[str]) -> None:
        """Raises `NotFound`."""
        self.names = list(asked or known)
        for name in self.names or [""]:
            if name not in known:
                which = f"There is no wake word {name[:80]!r}" if name else "No wake words are installed"
                raise NotFound(f"{which} here; there are {', '.join(known) or 'none'}.", param="names")
        self._stage = stage
        self._window = bytearray()
        self._new = 0

    async def hear(self, pcm: bytes) -> str | None:
        """More audio: mono 16-bit samples at `STT_RATE`. The wake word that it ends with. Raises `ApplianceError`."""
        for start in range(0, len(pcm), EVERY_BYTES):
            if (name := await self._look(pcm[start : start + EVERY_BYTES])) is not None:
                return name
        return None

    async def _look(self, pcm: bytes) -> str | None:
        self._window += pcm
        self._new += len(pcm)
        del self._window[: max(0, len(self._window) - WINDOW_BYTES)]
        if self._new < EVERY_BYTES:
            return None
        self._new = 0
        if int(np.abs(np.frombuffer(self._window, dtype="<i2").astype(np.int32)).max()) < QUIET:
            return None
        try:
            async with self._stage.stream(Wake(names=self.names), bytes(self._window)) as answer:
                async for part, _ in answer:
                    if isinstance(part, Woken) and part.name is not None:
                        self._forget()
                        return part.name
        except Unavailable:
            pass  # the worker is being replaced; nothing is lost but this look
        return None

    def _forget(self) -> None:
        """What was heard is over."""
        self._window.clear()
        self._new = -PAUSE_BYTES


class Detecting:
    """A stream in which somebody may say a wake word, each time that it is asked for again. `known`: all there are."""

    def __init__(
        self,
        stage: Stage,
        known: Sequence[str],
        outbox: Outbox,
        found: Callable[[], None],
        welcome: Callable[[], Awaitable[None]],
    ) -> None:
        """`found` is told of each word; `welcome` raises what ends it, as a stream may go on for days."""
        self._stage, self._known, self._outbox, self._found, self._welcome = stage, known, outbox, found, welcome

    async def run(self, asked: Detect, first: Form, events: Next) -> None:
        """Tell of each wake word until the audio stops. Some clients send it without `audio-start`."""
        ears, waking, heard, none = Ears(first), self._waking(asked), 0.0, True
        asked_at = 0.0
        event: ClientEvent = first
        while not isinstance(event, AudioStop):
            match event:
                case Detect():
                    waking, none = self._waking(event), True
                case AudioChunk(audio=audio, timestamp=timestamp):
                    ears = ears.fitting(event)
                    heard += ears.seconds(audio)
                    if heard - asked_at >= WELCOME_SECONDS:
                        asked_at = heard
                        await self._welcome()
                    if (name := await waking.hear(ears.hear(audio))) is not None:
                        none = False
                        self._found()
                        at = int(heard * 1000) if timestamp is None else timestamp
                        self._outbox.put(Detection(name, at).event())
                case _:
                    pass
            event = await events()  # it may stop for a while: a satellite that streams to its server asks again later
        if none:
            self._outbox.put(NotDetected().event())

    def _waking(self, asked: Detect) -> Waking:
        return Waking(self._stage, asked.names, self._known)
