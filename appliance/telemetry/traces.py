"""Traces, sent to an OpenTelemetry collector (OTLP over HTTP) after the fact.

Whoever has something to tell puts it into a bounded queue and goes on. A thread makes spans of it and sends them; what
does not fit, or cannot be sent, is counted and forgotten. Where no collector is set, nothing of this runs.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from anyio import CancelScope, to_thread

from appliance import metrics
from appliance.logs import logger, place_of
from appliance.story import JobStory, Story
from appliance.telemetry.trace_context import TRACE, Trace, continued

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

    from appliance.jobs import Role
    from appliance.telemetry.spans import Spans

log = logger(__name__)

MOST_WAITING: Final = 1024
"""Turns and requests that are not sent yet."""
MOST_TOGETHER: Final = 64
"""That are sent at once."""
GATHER_SECONDS: Final = 1.0
"""So long the first one waits for others."""
SEND_SECONDS: Final = 5.0
"""Longest try to send some."""
FLUSH_SECONDS: Final = 3.0
"""At the end of the box."""
PATH: Final = "/v1/traces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request at an HTTP door, and what the stages did for it. Times of its jobs count from its head."""

    method: str
    route: str
    """The path as the doors have it, without anybody's ids."""
    status: int
    zero_ms: int
    milliseconds: float
    jobs: tuple[JobStory, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What happened; `trace` is its own span, `parent` the one that it is part of, or 0."""

    what: Story | Request
    trace: Trace
    parent: int


class Traces:
    """Tells an OTLP collector; with an empty address nobody. `models` are the names of the models by stage."""

    def __init__(self, address: str = "", models: Mapping[Role, str] | None = None) -> None:
        self.on = bool(address)
        self._address, self._models = endpoint(address) if address else "", models or {}
        self._waiting: queue.Queue[Told | None] = queue.Queue(MOST_WAITING)
        self._failing = False

    def begin(self, traceparent: str) -> Trace | None:
        """What a request is part of: the client's span or none; from now on the current task is part of it."""
        if not self.on:
            return None
        parent = continued(traceparent)
        TRACE.set(parent)
        return parent

    def turn(self, story: Story) -> None:
        """A turn is over."""
        if self.on:
            parent = TRACE.get() or continued("")
            if not parent.span:  # a live connection whose client has no trace: each turn begins its own
                parent = replace(continued(""), sampled=parent.sampled)
            self._put(Told(story, parent.child(), parent.span))

    def request(self, request: Request, trace: Trace, parent: int) -> None:
        """A request is answered."""
        self._put(Told(request, trace, parent))

    def _put(self, told: Told) -> None:
        if not told.trace.sampled:
            return
        try:
            self._waiting.put_nowait(told)
        except queue.Full:
            metrics.TRACES.labels("dropped").inc()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send meanwhile; at the end what waits is sent too, but not for long."""
        if not self.on:
            yield
            return
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        from appliance.telemetry.spans import Spans, box

        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # one line is enough, and it is ours
        exporter = OTLPSpanExporter(self._address, timeout=SEND_SECONDS)
        sender = threading.Thread(
            target=self._send_all, args=(exporter, Spans(box(), self._models)), name="traces", daemon=True
        )
        sender.start()
        try:
            yield
        finally:
            self._end()
            with CancelScope(shield=True):
                await to_thread.run_sync(sender.join, FLUSH_SECONDS)
                if sender.is_alive():
                    log.warning("traces not sent in time", left=self._waiting.qsize())
                exporter.shutdown()  # type: ignore[no-untyped-call] # it tries no more, and the thread ends

    def _end(self) -> None:
        while True:
            try:
                self._waiting.put_nowait(None)
            except queue.Full:
                with suppress(queue.Empty):
                    self._waiting.get_nowait()
                    metrics.TRACES.labels("dropped").inc()
            else:
                return

    def _send_all(self, exporter: SpanExporter, spans: Spans) -> None:
        going_on = True
        while going_on:
            some, going_on = self._gather()
            if not some:
                continue
            sent = False
            try:
                sent = exporter.export([span for told in some for span in _made(spans, told)]).name == "SUCCESS"
            except Exception as error:  # noqa: BLE001 - nothing that is told may end the telling
                log.error("traces not made", **place_of(error))
            metrics.TRACES.labels("sent" if sent else "dropped").inc(len(some))
            if sent == self._failing:
                self._failing = not sent
                (log.info if sent else log.warning)("traces are sent" if sent else "traces cannot be sent")

    def _gather(self) -> tuple[list[Told], bool]:
        """The next ones, and whether there will be more."""
        some: list[Told] = []
        until: float | None = None
        while len(some) < MOST_TOGETHER:
            try:
                told = self._waiting.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if told is None:
                return some, False
            some.append(told)
            until = until or time.monotonic() + GATHER_SECONDS
        return some, True


def _made(spans: Spans, told: Told) -> Iterator[ReadableSpan]:
    if isinstance(told.what, Story):
        return spans.of_turn(told.what, told.trace, told.parent)
    return spans.of_request(told.what, told.trace, told.parent)


def endpoint(address: str) -> str:
    """Where traces are sent to: an address without a path is a collector's own."""
    return address.rstrip("/") + PATH if urlsplit(address).path in ("", "/") else address
