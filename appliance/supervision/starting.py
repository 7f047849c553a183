"""What the service manager is told of the stages: how far they are, and once that they serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from appliance.engines.status import loading, summary
from appliance.supervision.notify import status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.engines.status import StageStatus
    from appliance.jobs import Role
    from appliance.supervision.notify import Supervisor

    Stages = Callable[[], Mapping[Role, StageStatus]]

LOOK_SECONDS: Final = 0.2
EXTEND_SECONDS: Final = 30
"""So long a start may go on from each time that it is said to make progress."""
EXTEND: Final = f"EXTEND_TIMEOUT_USEC={EXTEND_SECONDS * 1_000_000}"
EXTEND_EVERY_SECONDS: Final = 5.0


async def announce(supervisor: Supervisor, stages: Stages, load_seconds: float) -> None:
    """Tell of the stages until cancelled.

    A start makes progress while a stage is loading and one more has become ready within `load_seconds`. One that makes
    none is over: those stages that are ready serve, and to start again would only interrupt them. Where there are none
    it is given no more time, and is never said to be ready.
    """
    start = Start(load_seconds, anyio.current_time())
    told = ""
    while True:
        found = stages()
        text, lines = summary(found), start.lines(found, anyio.current_time())
        if text != told or lines:
            sent = supervisor.tell(*lines, status(text))
            told = text if sent else ""
            start.told(lines, sent=sent)
        await anyio.sleep(LOOK_SECONDS)


class Start:
    """A start, as far as it is; times in seconds of one clock."""

    def __init__(self, load_seconds: float, now: float) -> None:
        self._load_seconds, self._progress_at, self._extended_at = load_seconds, now, now - EXTEND_EVERY_SECONDS
        self._ready = 0
        self._over = False

    def lines(self, stages: Mapping[Role, StageStatus], now: float) -> list[str]:
        """What there is to tell now."""
        if self._over:
            return []
        ready = sum(stage.state == "ready" for stage in stages.values())
        if ready > self._ready:
            self._ready, self._progress_at = ready, now
        if not loading(stages.values()) or now - self._progress_at >= self._load_seconds:
            return ["READY=1"] if ready else []
        if now - self._extended_at < EXTEND_EVERY_SECONDS:
            return []
        self._extended_at = now
        return [EXTEND]

    def told(self, lines: list[str], *, sent: bool) -> None:
        """It was told, or has to be told once more."""
        self._over = self._over or (sent and "READY=1" in lines)
