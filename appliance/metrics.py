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
TURN_SECONDS: Final = Histogram(
    "appliance_turn_seconds",
    "Time from a turn's last byte of audio to a stage's result.",
    ["until"],
    buckets=LATENCY_SECONDS,
    registry=REGISTRY,
)
CLIPS: Final = Counter("appliance_clips_total", "Clips of what was said aloud: kept or lost.", ["outcome"])
GUESSES: Final = Counter(
    "appliance_turn_guesses_total",
    "Transcripts and replies that were begun at a pause, before the turn was over: used or wasted.",
    ["outcome"],
    registry=REGISTRY,
)
WASTED_SECONDS: Final = Counter(
    "appliance_turn_guesses_wasted_seconds_total",
    "Time that wasted guesses were under way.",
    registry=REGISTRY,
)
CUT_OFFS: Final = Counter(
    "appliance_turn_cut_offs_total",
    "Turns whose speaker went on before the reply was heard: they were not over.",
    registry=REGISTRY,
)
BARGE_INS: Final = Counter(
    "appliance_barge_ins_total",
    "Sounds of the user during a reply: those that stopped it, and false ones after which it went on.",
    ["kind"],
    registry=REGISTRY,
)
CANCEL_SECONDS: Final = Histogram(
    "appliance_cancel_seconds",
    "Time from a reply's cancellation until nothing works on it any more.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0),
    registry=REGISTRY,
)
VOICE_TO_VOICE_SECONDS: Final = Histogram(
    "appliance_voice_to_voice_seconds",
    "Time from the user's last voice to the reply's first audio.",
    buckets=LATENCY_SECONDS,
    registry=REGISTRY,
)
LIMITED: Final = Counter(
    "appliance_limits_hit_total", "Refusals because a key had used up its share.", ["limit", "role"], registry=REGISTRY
)
USED_TOKENS: Final = Counter(
    "appliance_used_tokens_total", "Tokens that were read and written.", ["role"], registry=REGISTRY
)
USED_AUDIO: Final = Counter(
    "appliance_used_audio_seconds_total", "Audio that was heard and spoken.", ["role", "direction"], registry=REGISTRY
)
CACHE: Final = Counter(
    "appliance_cache_total", "Answers that were looked for in a cache.", ["purpose", "outcome"], registry=REGISTRY
)
CACHE_FAULTS: Final = Counter(
    "appliance_cache_faults_total", "Caches that were damaged or could not be used.", ["purpose"], registry=REGISTRY
)
DOCUMENTS: Final = Counter(
    "appliance_documents_total", "Documents that were read, or why they could not be.", ["outcome"], registry=REGISTRY
)
WRITE_SECONDS: Final = Histogram(
    "appliance_store_write_seconds",
    "Time to commit the changes that waited, together, to disk.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0),
    registry=REGISTRY,
)
WRITES_WAITING: Final = Gauge("appliance_store_writes_waiting", "Changes that wait to be written.", registry=REGISTRY)
WRITES_FAILED: Final = Counter(
    "appliance_store_writes_failed_total", "Changes that could not be written.", ["code"], registry=REGISTRY
)
SPOKEN: Final = Counter(
    "appliance_spoken_probe_total", "Spoken self-tests that were reported, by outcome.", ["outcome"], registry=REGISTRY
)
SPOKEN_FAILURES: Final = Gauge(
    "appliance_spoken_probe_failures", "Spoken self-tests in a row, up to the last, that failed.", registry=REGISTRY
)
SPOKEN_SECONDS: Final = Gauge(
    "appliance_spoken_probe_seconds", "Time that the last spoken self-test took.", registry=REGISTRY
)
SPOKEN_AT: Final = Gauge(
    "appliance_spoken_probe_timestamp_seconds", "When the last spoken self-test was reported.", registry=REGISTRY
)
TRACES: Final = Counter(
    "appliance_traces_total", "Turns and requests for the trace collector: sent or dropped.", ["outcome"],
    registry=REGISTRY,
)  # fmt: skip
TASKS: Final = Gauge("appliance_tasks", "Tasks of the server's event loop.", registry=REGISTRY)
SESSIONS: Final = Gauge("appliance_live_sessions", "Live conversations now.", registry=REGISTRY)


def exposition() -> bytes:
    """All figures in Prometheus' text format."""
    return generate_latest(REGISTRY)
