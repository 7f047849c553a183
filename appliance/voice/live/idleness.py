"""How long nobody has said anything after a reply: the client may want that answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.jobs import DETECT_SAMPLES
from appliance.turns.detection import ServerVad
from appliance.turns.segmenter import samples

if TYPE_CHECKING:
    from appliance.turns.detection import TurnDetection
    from appliance.voice.live.session import LiveSession

MUTTERED: Final = "The user has said nothing for a while. Say something short that invites the user to go on."


class Idleness:
    """Of one session with turn detection; counts the windows without a voice."""

    def __init__(self, session: LiveSession, detection: TurnDetection) -> None:
        self._session, self._silent = session, 0
        self._timeout = detection.idle_timeout_ms if isinstance(detection, ServerVad) else None

    def end(self) -> None:
        """Somebody speaks."""
        self._silent = 0

    def window(self, position: int) -> None:
        """One more window without a voice, up to this position."""
        session, replies = self._session, self._session.replies
        busy = session.unanswered > 0 or replies.active is not None
        if self._timeout is None or replies.last is None or busy or replies.last.playout.sounding:
            self._silent = 0
            return
        self._silent += DETECT_SAMPLES
        if self._silent >= samples(self._timeout):
            self._silent, replies.last = 0, None
            session.take_silence(position - samples(self._timeout), position, MUTTERED)
