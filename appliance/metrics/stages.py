"""The stages and their workers, as seen from the server. A few a job, as it ends."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram, Info

from appliance.metrics.registry import LATENCY_SECONDS, LONG_SECONDS, REGISTRY

WAIT_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, *LATENCY_SECONDS, *LONG_SECONDS)
"""A window of a live stream is looked at within milliseconds."""

READY: Final = Gauge("appliance_stage_ready", "1 while the stage answers requests.", ["stage"], registry=REGISTRY)
IN_FLIGHT: Final = Gauge(
    "appliance_stage_in_flight", "Jobs running or waiting in a stage.", ["stage"], registry=REGISTRY
)
REFUSED: Final = Counter(
    "appliance_stage_refused_total",
    "Refusals because the stage's queue was full; a live job is tried again every quarter of a second.",
    ["stage"],
    registry=REGISTRY,
)
ABORTED: Final = Counter(
    "appliance_stage_aborted_total",
    "Jobs ended before their answer was complete.",
    ["stage"],
    registry=REGISTRY,
)
RESTARTS: Final = Counter("appliance_worker_restarts_total", "Workers replaced.", ["stage"], registry=REGISTRY)
QUEUE_SECONDS: Final = Histogram(
    "appliance_stage_queue_seconds",
    "Time from a job's being sent until its worker takes it in hand.",
    ["stage", "priority"],
    buckets=WAIT_SECONDS,
    registry=REGISTRY,
)
FIRST_PART_SECONDS: Final = Histogram(
    "appliance_stage_first_part_seconds",
    "Time from a job's being sent to the first part of its answer.",
    ["stage", "job"],
    buckets=WAIT_SECONDS,
    registry=REGISTRY,
)
JOB_SECONDS: Final = Histogram(
    "appliance_stage_job_seconds",
    "Time from a job's being sent to the end of its answer.",
    ["stage", "job"],
    buckets=WAIT_SECONDS,
    registry=REGISTRY,
)
JOBS: Final = Counter(
    "appliance_stage_jobs_total", "Jobs, and how they ended.", ["stage", "job", "outcome"], registry=REGISTRY
)
LOAD_SECONDS: Final = Gauge(
    "appliance_stage_load_seconds", "Time that the model's last loading and warming took.", ["stage"], registry=REGISTRY
)
MODEL: Final = Info("appliance_stage_model", "The model that the stage runs.", ["stage"], registry=REGISTRY)


def stage_known(stage: str, model: str) -> None:
    """There is such a stage: what can be counted of it begins at 0, so that its first time is an increase."""
    for counter in (REFUSED, ABORTED, RESTARTS):
        counter.labels(stage)
    MODEL.labels(stage).info({"model": model})
