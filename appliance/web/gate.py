"""What every request passes: an id, a bound on how many there are, the client's departure, figures and one log line.

A client that leaves cancels the scope in which its request is served, streaming or not; whatever runs for it is
cleaned up by that. For this the gate reads on after the body has ended, as ASGI tells of a departure there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import anyio
import anyio.lowlevel
import msgspec
from structlog.contextvars import bound_contextvars

from appliance import logs, metrics
from appliance.errors import ApplianceError, Overloaded, TooLarge, TooSlow
from appliance.web import faults
from appliance.web.sockets import Counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send

log = logs.logger(__name__)

REQUEST_ID: Final = re.compile(r"[\w.:-]{1,64}")
QUIET: Final = frozenset(("/health/live", "/health/ready", "/metrics"))
ASKED_AGAIN: Final = frozenset(
    f"/v1/admin/{each}" for each in ("status", "sessions", "latency", "logs", "models", "backups")
)
"""A page that is left open asks these every few seconds; the log would be about little else."""
STRANGERS: Final = "/v1/session"
"""The door that reads the body of somebody whose key has not been seen."""
MOST_STRANGERS: Final = 16
"""Who are read at once, so that they take no room from others."""
ENDS: Final = "The box is being started again and could not wait for this answer; ask it again."
LEAST_BYTES: Final = 10_000
"""Of a body that have to come in a second, after the first while."""
SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""On every answer, so that no browser takes one for something else, nor shows it inside another page. What an
answer says of it by itself, as the page does, holds."""


class Gate:
    """ASGI middleware around the whole application.

    `most` requests are served at once. `limit` gives the largest body by path, in bytes. A client that takes nothing of
    its answer for `reader_seconds` has left, and one that sends nothing of its body for so long is told so.
    """

    def __init__(self, app: ASGIApp, most: int, reader_seconds: float, limit: Callable[[str], int]) -> None:
        self._app, self._most, self._reader_seconds, self._now = app, most, reader_seconds, 0
        self._strangers = 0
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of connection pass as they are."""
        if str(scope["type"]) == "websocket":
            await Counted(self._app, scope, receive, send).serve()
            return
        if str(scope["type"]) != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex
        path = scope["path"]
        stranger = path == STRANGERS
        if (self._now >= self._most and path not in QUIET) or (stranger and self._strangers >= MOST_STRANGERS):
            await self._refuse(send, request_id)
            return
        self._now += 1
        self._strangers += stranger
        try:
            with bound_contextvars(request_id=request_id), metrics.REQUESTS_NOW.track_inprogress():
                limit = self._limit(path)
                await _Passage(self._app, scope, receive, send, request_id, self._reader_seconds, limit).serve()
        finally:
            self._now -= 1
            self._strangers -= stranger

    async def _refuse(self, send: Send, request_id: str) -> None:
        error = Overloaded(f"The box serves {self._most} requests already.")
        await _answer(send, error, [(b"x-request-id", request_id.encode()), *SECURITY])


class _Passage:
    """One request on its way through."""

    def __init__(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, request_id: str, patience: float, limit: int
    ) -> None:  # fmt: skip
        self._app, self._scope, self._receive, self._send = app, scope, receive, send
        self._patience, self._limit = patience, limit
        promised = dict(scope["headers"]).get(b"content-length", b"")
        self._bytes = int(promised) if promised.isdigit() else 0
        """Of the body: as its head promises, or else those that have come."""
        self._counts = not self._bytes
        self._until = anyio.current_time() + patience
        """By then the rest of the body has to come; each piece that does puts it off."""
        self._request_id = request_id.encode()
        self._status = 0
        self._answered = self._left = False
        self._serving = anyio.CancelScope()
        self._body_read = anyio.Event()
        self._gone = anyio.Event()

    async def serve(self) -> None:
        started = anyio.current_time()
        try:
            async with anyio.create_task_group() as tasks:
                self._serving = tasks.cancel_scope
                tasks.start_soon(self._watch)
                await self._app(self._scope, self._receive_body, self._send_answer)
                tasks.cancel_scope.cancel()
        except anyio.get_cancelled_exc_class():
            if self._status:
                raise
            with anyio.CancelScope(shield=True):  # the server ends, and has waited for this as long as it waits
                await _answer(self._send_answer, Overloaded(ENDS, retry_after=5))
        except Exception as error:
            if not self._status:
                raise
            # The server closes a connection whose answer is not complete, so the client sees it broken off.
            log.error("answer broken off", path=self._scope["path"], **logs.place_of(error))
        finally:
            if self._state.get("entered"):
                self._state["meter"].leave()
            self._report(anyio.current_time() - started)

    @property
    def _state(self) -> dict[str, Any]:
        """What was found out about the request on its way in."""
        return self._scope.get("state") or {}

    def _limits(self) -> list[tuple[bytes, bytes]]:
        meter = self._state.get("meter")
        return [] if meter is None else [(name.encode(), value.encode()) for name, value in meter.headers().items()]

    async def _receive_body(self) -> HTTPReceiveMessage:
        if self._body_read.is_set():
            await self._gone.wait()
            return {"type": "http.disconnect"}
        self._check_size()
        message: Any = None
        with anyio.move_on_at(min(anyio.current_time() + self._patience, self._until)):
            message = await self._receive()
        if message is None:
            raise TooSlow("The request's body comes too slowly.")
        self._until += len(message.get("body", b"")) / LEAST_BYTES
        if self._counts:
            self._bytes += len(message.get("body", b""))
            self._check_size()
        if message["type"] == "http.disconnect":
            self._body_read.set()
            self._gone.set()
            self._leave()
            await anyio.lowlevel.checkpoint()  # the handler ends here: half a request is none
        elif not message.get("more_body", False):
            self._body_read.set()
        return message  # type: ignore[no-any-return]

    def _check_size(self) -> None:
        if self._bytes > self._limit:
            raise TooLarge(f"The request body is over the limit of {self._limit / 1_000_000:g} MB.")

    async def _watch(self) -> None:
        await self._body_read.wait()
        while not self._gone.is_set():
            message: Any = await self._receive()
            if message["type"] == "http.disconnect":
                self._gone.set()
        if not self._answered:
            self._leave()

    def _leave(self) -> None:
        self._left = True
        self._serving.cancel()

    async def _send_answer(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            given = list(message.get("headers", ()))
            own = {name for name, _ in given}
            message["headers"] = [
                *given,
                (b"x-request-id", self._request_id),
                *((name, value) for name, value in SECURITY if name not in own),
                *self._limits(),
            ]
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            self._answered = True
        with anyio.move_on_after(self._patience) as waiting:
            await self._send(message)
        if waiting.cancelled_caught:
            self._leave()
            await anyio.lowlevel.checkpoint()

    def _report(self, seconds: float) -> None:
        template = str(self._scope.get("path_template") or "unmatched")
        if self._left:
            metrics.DISCONNECTS.labels(template).inc()
        metrics.REQUESTS.labels(template, str(self._status)).inc()
        metrics.REQUEST_SECONDS.labels(template).observe(seconds)
        path = self._scope["path"]
        asked_again = path in ASKED_AGAIN and self._scope.get("method") == "GET" and self._status == 200
        quiet = path in QUIET or asked_again
        tell = log.debug if quiet else log.info
        tell(
            "request",
            method=self._scope.get("method"),
            path=path,
            status=self._status,
            seconds=round(seconds, 4),
            left=self._left,
        )


async def _answer(send: Send, error: ApplianceError, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
    headers = {**faults.headers(error), "content-type": "application/json"}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": [*encoded, *more]})
    await send({"type": "http.response.body", "body": msgspec.json.encode(faults.body(error)), "more_body": False})
