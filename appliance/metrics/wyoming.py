"""The door for Home Assistant: who is connected, and what they ask for. Once a connection, a request, an event."""

from __future__ import annotations

from typing import Final, Literal, get_args

from prometheus_client import Counter, Gauge

from appliance.metrics.registry import REGISTRY

Request = Literal["asr", "tts", "handle", "wake", "pipeline"]
RequestEnd = Literal["done", "refused", "failed", "abandoned"]

WYOMING_NOW: Final = Gauge("appliance_wyoming_open", "Wyoming connections that are open.", ["side"], registry=REGISTRY)
WYOMING_CONNECTIONS: Final = Counter(
    "appliance_wyoming_connections_total",
    "Wyoming connections that are over: closed by the client or the server, or turned away by their address or number.",
    ["outcome"],
    registry=REGISTRY,
)
WYOMING_REQUESTS: Final = Counter(
    "appliance_wyoming_requests_total",
    "What Wyoming clients asked for, and how it ended; `abandoned`: the client left.",
    ["kind", "outcome"],
    registry=REGISTRY,
)
WYOMING_EVENTS: Final = Counter(
    "appliance_wyoming_events_total",
    "Events of Wyoming connections, from the other side or to it.",
    ["direction"],
    registry=REGISTRY,
)

for _side in ("client", "satellite"):
    WYOMING_NOW.labels(_side)
for _word in ("client", "server", "address", "crowded", "malformed"):
    WYOMING_CONNECTIONS.labels(_word)
for _kind in get_args(Request):
    for _end in get_args(RequestEnd):
        WYOMING_REQUESTS.labels(_kind, _end)
for _word in ("in", "out"):
    WYOMING_EVENTS.labels(_word)
