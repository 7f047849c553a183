"""Answers that leave while they are being made.

The head of the answer leaves with its first bytes. An error before them therefore still has its own status; an
error after them ends an event stream with an `error` event, and breaks any other body off, so that no client takes
half an answer for a whole one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from litestar import Response
from litestar.types import ASGIApp, Receive, Scope, Send

from appliance.web import faults

Write = Callable[[bytes], Awaitable[None]]
Produce = Callable[[Write], Awaitable[object]]

EVENT_STREAM = "text/event-stream"
CACHE_HEADER = "x-cache"
"""`hit` or `miss`: whether the answer was kept from before; `none` where nothing is."""
STREAMING = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""Proxies must pass on each piece as it comes, and keep none."""


class Live(Response[None]):
    """An answer that `produce` writes piece by piece, all in the request's own task.

    `headers` are looked at when the head leaves, so that `produce` may add to them before its first bytes.
    """

    def __init__(self, produce: Produce, media_type: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(None, media_type=media_type, status_code=200)
        self._produce, self._live_type = produce, media_type
        self._live_headers = {} if headers is None else headers

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # type: ignore[override]
        """The answer as an ASGI application."""
        return self._serve

    async def _serve(self, scope: Scope, _receive: Receive, send: Send) -> None:
        begun = False

        async def begin() -> None:
            nonlocal begun
            begun = True
            head = {"content-type": self._live_type, **STREAMING, **self._live_headers}
            encoded = [(name.encode(), value.encode()) for name, value in head.items()]
            await send({"type": "http.response.start", "status": 200, "headers": encoded})

        async def write(piece: bytes) -> None:
            if not piece:
                return
            if not begun:
                await begin()
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        try:
            await self._produce(write)
        except Exception as error:
            if not begun or self._live_type != EVENT_STREAM:
                raise
            await write(event(faults.body(faults.classify(error, scope["path"], 0)), name="error"))
        if not begun:
            await begin()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def event(data: object, name: str | None = None) -> bytes:
    """One server-sent event with JSON data (WHATWG HTML, section 9.2)."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + msgspec.json.encode(data) + b"\n\n"
