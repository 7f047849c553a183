"""What is counted of a job once it is over, from the times that its answer tells."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.engines.parts import Parts
    from appliance.jobs import AnyJob, Role


@contextmanager
def settled(stage: Role, job: AnyJob, parts: Parts) -> Iterator[None]:
    """Around the taking of its answer. One that was never begun has no wait that anybody knows."""
    try:
        yield
    finally:
        _settle(stage, job, parts)


def _settle(stage: Role, job: AnyJob, parts: Parts) -> None:
    kind, times, outcome = type(job).__name__.lower(), parts.times, parts.outcome
    sent = times.sent or 0.0
    if times.began is not None:
        metrics.QUEUE_SECONDS.labels(stage, _priority(job, parts)).observe(times.began - sent)
    if times.first is not None:
        metrics.FIRST_PART_SECONDS.labels(stage, kind).observe(times.first - sent)
    if outcome != "aborted" and times.ended is not None:
        metrics.JOB_SECONDS.labels(stage, kind).observe(times.ended - sent)
    metrics.JOBS.labels(stage, kind, outcome).inc()
    if outcome == "aborted":
        metrics.ABORTED.labels(stage).inc()


def _priority(job: AnyJob, parts: Parts) -> str:
    """As it was in the end. Windows of a stream, and judgements of one, are of live conversations."""
    if parts.promoted or parts.stage == "turn":
        return "live"
    return str(getattr(job, "priority", "typed"))
