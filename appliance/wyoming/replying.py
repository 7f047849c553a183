"""A reply of a live conversation as Wyoming tells it: its words as they are written, its sound as it is spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.handle import Handled, HandledChunk, HandledStart, HandledStop

from appliance.wyoming.speaking import FORM

if TYPE_CHECKING:
    from appliance.voice.live.events import Delta
    from appliance.voice.live.response import Response
    from appliance.wyoming.outbox import Outbox


class Replying:
    """Tells one reply after another."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox, self._put = outbox, outbox.put
        self.sounding = False
        """Whether one is heard now."""

    def begin(self) -> None:
        """One begins."""
        self._put(HandledStart().event())

    def more(self, delta: Delta) -> None:
        """More of it."""
        if delta.piece == "audio":
            if not self.sounding:
                self.sounding = True
                self._put(AudioStart(**FORM).event())
            self._put(AudioChunk(audio=delta.pcm, **FORM).event())
        elif delta.piece in ("text", "transcript"):
            self._put(HandledChunk(delta.text).event())

    def end(self, response: Response) -> bool:
        """It is over, whatever became of it. Whether anything of it was heard."""
        if response.error is not None:
            self._outbox.tell(response.error)
        else:
            words = response.message.words if response.message is not None else ""
            self._put(Handled(words).event(), HandledStop().event())
        heard, self.sounding = self.sounding, False
        if heard:
            self._put(AudioStop().event())
        return heard
