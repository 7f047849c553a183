"""Looks at what has been said so far, while it is still being said: partial transcripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from appliance.errors import ApplianceError
from appliance.jobs import STT_RATE
from appliance.voice.listening import understand
from appliance.voice.live.events import TranscriptDelta

if TYPE_CHECKING:
    from appliance.voice.live.session import LiveSession
    from appliance.voice.live.utterance import Utterance

EVERY: Final = STT_RATE
"""Samples of speech between two looks, at least ..."""
SHARE: Final = 5
"""... and so many times as long as the last look took: where many speak, there are fewer looks."""
LONGEST: Final = 25 * STT_RATE
"""Samples of an utterance that are looked at; what follows comes with the whole transcript."""


class Looks:
    """Of one session. Only for those who watch, and only if it holds up nobody."""

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._every = EVERY

    def look(self, utterance: Utterance, position: int) -> None:
        """Look at an utterance that has reached this position, if it is time."""
        if utterance.looking or not utterance.announced or not self._session.conduct.transcribing.shown:
            return
        if position - utterance.looked_at >= self._every and position - utterance.start <= LONGEST:
            utterance.looking, utterance.looked_at = True, position
            self._session.spawn(self._glance, utterance, self._session.microphone.between(utterance.start, position))

    async def _glance(self, utterance: Utterance, audio: bytes) -> None:
        began = anyio.current_time()
        conduct = self._session.conduct
        try:
            if utterance.taken:
                return
            with anyio.CancelScope() as utterance.glance:
                text = await understand(self._session.stages.stt, audio, conduct.transcribing, "background")
                if not utterance.glance.cancel_called and (delta := utterance.agreement.hear(text)):
                    self._session.emit(TranscriptDelta(utterance.item_id, delta))
        except ApplianceError:
            pass  # the turn's own transcript will say what is wrong
        finally:
            utterance.looking = False
            self._every = max(EVERY, int((anyio.current_time() - began) * SHARE * STT_RATE))
