"""The figures that `/metrics` shows. Prometheus' own rules for names: base units, `_total` for counters."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from appliance import __version__

REGISTRY: Final = CollectorRegistry()
CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

LATENCY_SECONDS: Final = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)

BUILD: Final = Info("appliance_build", "What runs here.", registry=REGISTRY)
BUILD.info({"version": __version__})

REQUESTS: Final = Counter(
    "appliance_http_requests_total",
    "HTTP requests by route and status.",
    ["route", "status"],
    registry=REGISTRY,
)
REQUEST_SECONDS: Final = Histogram(
    "appliance_http_request_seconds",
    "Time from a request's head to its answer's end.",
    ["route"],
    buckets=LATENCY_SECONDS,
    registry=REGISTRY,
)
DISCONNECTS: Final = Counter(
    "appliance_http_disconnects_total",
    "Clients that left before their answer ended.",
    ["route"],
    registry=REGISTRY,
)
READY: Final = Gauge("appliance_stage_ready", "1 while the stage answers requests.", ["stage"], registry=REGISTRY)
IN_FLIGHT: Final = Gauge(
    "appliance_stage_in_flight", "Jobs running or waiting in a stage.", ["stage"], registry=REGISTRY
)
REFUSED: Final = Counter(
    "appliance_stage_refused_total",
    "Jobs refused because the stage's queue was full.",
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
TURN_SECONDS: Final = Histogram(
    "appliance_turn_seconds",
    "Time from a turn's last byte of audio to a stage's result.",
    ["until"],
    buckets=LATENCY_SECONDS,
    registry=REGISTRY,
)


def exposition() -> bytes:
    """All figures in Prometheus' text format."""
    return generate_latest(REGISTRY)
