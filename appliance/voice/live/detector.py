"""What the turn stage says of one session's audio: where there is voice, and how finished a turn sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import ApplianceError
from appliance.jobs import Detect, Detected, Judge, Judged

if TYPE_CHECKING:
    from appliance.voice.stages import Stage


class Detector:
    """Its state goes with each job, so that it does not matter which worker answers."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._state = stage, b""

    async def voice(self, pcm: bytes) -> list[float]:
        """Probability of voice in each window of `DETECT_SAMPLES`, in order. Raises `ApplianceError`."""
        async with self._stage.stream(Detect(state=len(self._state)), self._state + pcm) as answer:
            async for part, state in answer:
                if isinstance(part, Detected):
                    self._state = state
                    return part.probabilities
        return []

    def forget(self) -> None:
        """Listen as if the session had just begun."""
        self._state = b""

    async def end(self, pcm: bytes) -> float | None:
        """Probability that a turn ends with this; None if nobody can say."""
        try:
            async with self._stage.stream(Judge(), pcm) as answer:
                async for part, _ in answer:
                    if isinstance(part, Judged):
                        return part.probability
        except ApplianceError:
            pass  # without a judge a longer silence counts
        return None
