"""When a job got how far: what its wait, its first part and its end are computed from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobTimes:
    """Seconds of `time.monotonic()`, which is the same clock in all processes of a box; None: it has not happened."""

    sent: float | None = None
    """It was put on its way to its worker."""
    began: float | None = None
    """The worker took it in hand; None also where no worker had to."""
    first: float | None = None
    """Its first part came."""
    ended: float | None = None
    """Its answer was complete, or failed, or was not wanted any more."""
