"""Requests as spans: the trace that a client names is gone on with, and what the stages did is part of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from appliance.story import JOBS, Jobs, epoch_ms, told
from appliance.telemetry.trace_context import TRACE
from appliance.telemetry.traces import Request, Traces
from appliance.web.gate import ASKED_AGAIN, QUIET

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send


class Traced:
    """ASGI middleware inside the gate. The turns of a live connection are told by themselves, in its client's trace."""

    def __init__(self, app: ASGIApp, traces: Traces) -> None:
        self._app, self._traces = app, traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        kind, path = str(scope["type"]), str(scope.get("path", ""))
        if kind == "lifespan" or path in QUIET or path in ASKED_AGAIN:
            await self._app(scope, receive, send)
            return
        parent = self._traces.begin(dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1"))
        if kind != "http" or parent is None:
            await self._app(scope, receive, send)
            return
        own, jobs, status, zero = parent.child(), Jobs(), 0, time.monotonic()
        TRACE.set(own)
        JOBS.set(jobs)

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            known: Any = scope
            request = Request(
                method=str(known["method"]),
                route=str(known.get("path_template") or "unmatched"),
                status=status,
                zero_ms=epoch_ms(zero),
                milliseconds=(time.monotonic() - zero) * 1000,
                jobs=told(jobs.notes, zero),
            )
            self._traces.request(request, own, parent.span)
