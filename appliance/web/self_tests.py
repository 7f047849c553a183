"""Spoken self-tests as they are reported: the last one, and whether the box is to be trusted after those before."""

from __future__ import annotations

import time
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from appliance import metrics

MOST_FAILURES: Final = 2
"""In a row; then the box is not ready until one succeeds."""

Outcome = Literal["ok", "wrong", "silent", "busy"]
OUTCOMES: Final = (
    "`wrong`: not what it has to be; `silent`: no whole answer in time; `busy`: no room for it in time, and no fault."
)


class SelfTestReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `/health/spoken`."""

    outcome: Annotated[Outcome, Meta(description=OUTCOMES)]
    seconds: Annotated[float, Meta(ge=0, le=3600, description="How long the test took.")]


class SelfTest(msgspec.Struct, frozen=True, kw_only=True):
    """A spoken self-test that was reported."""

    outcome: Outcome
    at: int
    """Seconds since the epoch."""
    seconds: float


class SelfTests:
    """Those of one box since its start."""

    def __init__(self) -> None:
        self.last: SelfTest | None = None
        self._failures = 0

    @property
    def failing(self) -> bool:
        """Whether the last ones have all failed."""
        return self._failures >= MOST_FAILURES

    def note(self, report: SelfTestReport) -> SelfTest:
        """One more."""
        self.last = SelfTest(outcome=report.outcome, at=int(time.time()), seconds=report.seconds)
        match report.outcome:
            case "ok":
                self._failures = 0
            case "wrong" | "silent":
                self._failures += 1
            case "busy":  # to take it off for that would only make others busy
                pass
        metrics.SPOKEN.labels(report.outcome).inc()
        metrics.SPOKEN_FAILURES.set(self._failures)
        metrics.SPOKEN_SECONDS.set(report.seconds)
        metrics.SPOKEN_AT.set(self.last.at)
        return self.last
