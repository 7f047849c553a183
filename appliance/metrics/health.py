"""How the server itself is: its event loop, its spoken self-tests, its figures. A few a second, all together."""

from __future__ import annotations

from typing import Final

import anyio
from prometheus_client import Counter, Gauge, Histogram

from appliance.metrics.registry import REGISTRY

LOOK_SECONDS: Final = 0.25

LAG_SECONDS: Final = Histogram(
    "appliance_loop_lag_seconds",
    "How late the server's event loop gets to what is due.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
    registry=REGISTRY,
)
TASKS: Final = Gauge("appliance_tasks", "Tasks of the server's event loop.", registry=REGISTRY)
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
SCRAPE_FAILURES: Final = Counter(
    "appliance_scrape_failures_total",
    "Sources of figures that failed or took too long; their figures were left out.",
    ["source"],
    registry=REGISTRY,
)

for _outcome in ("ok", "wrong", "silent", "busy"):
    SPOKEN.labels(_outcome)


async def watch_loop() -> None:
    """Look again and again how late the loop is, until cancelled."""
    while True:
        due = anyio.current_time() + LOOK_SECONDS
        await anyio.sleep_until(due)
        LAG_SECONDS.observe(max(0.0, anyio.current_time() - due))
