"""Requests, live connections, and the errors that clients are told. Once a request or a message, never a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.registry import Collector

from appliance.metrics.registry import LATENCY_SECONDS, LONG_SECONDS, REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

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
    buckets=(*LATENCY_SECONDS, *LONG_SECONDS),
    registry=REGISTRY,
)
DISCONNECTS: Final = Counter(
    "appliance_http_disconnects_total",
    "Clients that left before their answer ended.",
    ["route"],
    registry=REGISTRY,
)
REQUESTS_NOW: Final = Gauge("appliance_http_in_flight", "HTTP requests under way.", registry=REGISTRY)

SOCKETS_NOW: Final = Gauge("appliance_websockets", "Live connections that are open.", ["route"], registry=None)


class _Beside(Collector):
    """The registry takes a counter's name without `_total` for taken, which is another figure's name in this format."""

    def collect(self) -> Iterable[Metric]:
        """Those that are open."""
        return SOCKETS_NOW.collect()


REGISTRY.register(_Beside())
SOCKETS: Final = Counter(
    "appliance_websockets_total",
    "Live connections that are over: closed by the client or the server, lost, or refused before they began.",
    ["route", "outcome"],
    registry=REGISTRY,
)
MESSAGES: Final = Counter(
    "appliance_websocket_messages_total",
    "Messages of live connections, from the client or to it.",
    ["route", "direction"],
    registry=REGISTRY,
)
MESSAGE_BYTES: Final = Counter(
    "appliance_websocket_bytes_total",
    "Bytes of live connections' messages; text counts a byte a character.",
    ["route", "direction"],
    registry=REGISTRY,
)
SESSIONS: Final = Gauge("appliance_live_sessions", "Live conversations now.", registry=REGISTRY)


def socket_known(route: str) -> None:
    """There is such a live door: what can be counted of it begins at 0."""
    SOCKETS_NOW.labels(route)
    for outcome in ("client", "server", "lost", "refused"):
        SOCKETS.labels(route, outcome)
    for direction in ("in", "out"):
        MESSAGES.labels(route, direction)
        MESSAGE_BYTES.labels(route, direction)


ERRORS: Final = Counter("appliance_errors_total", "Errors that clients were told.", ["code"], registry=REGISTRY)
"""Counted where they are told: `web/faults`, and `wyoming/outbox`."""

PAGE_REPORTS: Final = Counter(
    "appliance_page_reports_total",
    "What browsers kept the page from doing, by the rule that it would have broken; there should be none.",
    ["rule"],
    registry=REGISTRY,
)
