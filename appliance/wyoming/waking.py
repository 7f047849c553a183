"""Waiting for a wake word in a stream: the last seconds are heard again and again, as the models are small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from wyoming.wake import Detection, NotDetected

from appliance.audio import SAMPLE_BYTES
from appliance.errors import NotFound, TooSlow, Unavailable
from appliance.jobs import STT_RATE, Wake, Woken
from appliance.wyoming.ears import Ears
from appliance.wyoming.stalling import next_of
from appliance.wyoming.wire import AudioChunk, AudioStop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.voice.stages import Stage
    from appliance.wyoming.outbox import Outbox
    from appliance.wyoming.stalling import Next
    from appliance.wyoming.wire import AudioStart

WINDOW_BYTES: Final = 2 * STT_RATE * SAMPLE_BYTES
"""Two seconds: longer than any wake word, and than its model looks back."""
EVERY_BYTES: Final = STT_RATE * SAMPLE_BYTES // 4
"""A quarter of a second between two looks."""
QUIET: Final = 100
"""Of 32,767: where nothing in the window is louder, nobody has spoken."""


class Waking:
    """One stream. `names` of wake words; the turn stage hears them."""

    def __init__(self, stage: Stage, names: Sequence[str]) -> None:
        self._stage, self._names = stage, list(names)
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
        if not self._names or int(np.abs(np.frombuffer(self._window, dtype="<i2").astype(np.int32)).max()) < QUIET:
            return None
        try:
            async with self._stage.stream(Wake(names=self._names), bytes(self._window)) as answer:
                async for part, _ in answer:
                    if isinstance(part, Woken) and part.name is not None:
                        self.forget()
                        return part.name
        except Unavailable:
            pass  # the worker is being replaced; nothing is lost but this look
        return None

    def forget(self) -> None:
        """What was heard is over."""
        self._window.clear()
        self._new = 0


async def detect(stage: Stage, names: Sequence[str], start: AudioStart, events: Next, outbox: Outbox) -> None:
    """Tell of each wake word until the audio stops."""
    if not names:
        raise NotFound("No wake words are installed here.", param="names")
    ears, waking, heard, found = Ears(start), Waking(stage, names), 0.0, False
    while True:
        event = await next_of(events, TooSlow("The audio has stopped coming, without audio-stop."))
        match event:
            case AudioStop():
                break
            case AudioChunk(audio=audio, timestamp=timestamp):
                if not ears.fits(event):
                    ears = Ears(event)
                heard += ears.seconds(audio)
                if (name := await waking.hear(ears.hear(audio))) is not None:
                    found = True
                    outbox.put(Detection(name, int(heard * 1000) if timestamp is None else timestamp).event())
            case _:
                pass
    if not found:
        outbox.put(NotDetected().event())
