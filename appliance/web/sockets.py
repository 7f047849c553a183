"""Live connections on their way through: counted as they begin and end, and by the messages that pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from appliance import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from litestar.types import ASGIApp, Receive, Scope, Send

BEGUN: Final = "begun"
"""Set in a connection's state by the door that serves it; one without was refused."""
GOING_AWAY: Final = 1012
"""What uvicorn tells the application where it ends itself."""
LOST: Final = (1005, 1006)
"""No close frame came, or it was empty. Clients that leave politely say why (RFC 6455, section 7.4.1)."""


class Counted:
    """One connection. Its figures are those of its route, which is known once the door accepts it."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self._app, self._scope, self._receive, self._send = app, scope, receive, send
        self._open = False
        self._closed: int | None = None
        """Code that the client's side ended with."""
        self._ended = False
        """Whether the box has closed it."""
        self._in: Callable[[float], None]
        self._out: Callable[[float], None]

    async def serve(self) -> None:
        """Until it is over, however."""
        try:
            await self._app(self._scope, self._take, self._give)
        finally:
            if self._open:
                metrics.SOCKETS_NOW.labels(self._route).dec()
            metrics.SOCKETS.labels(self._route, self._outcome).inc()

    @property
    def _route(self) -> str:
        return str(self._scope.get("path_template") or "unmatched")

    @property
    def _outcome(self) -> str:
        begun = (self._scope.get("state") or {}).get(BEGUN, False)
        if self._ended or self._closed in (GOING_AWAY, None):
            return "server" if begun else "refused"
        return "lost" if self._closed in LOST else "client"

    async def _take(self) -> Any:
        message: Any = await self._receive()
        if message["type"] == "websocket.receive":
            self._note("in", message)
        elif message["type"] == "websocket.disconnect" and self._closed is None:
            self._closed = message.get("code", LOST[0])
        return message

    async def _give(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            self._note("out", message)
        elif message["type"] == "websocket.accept":
            self._open = True
            metrics.SOCKETS_NOW.labels(self._route).inc()
        elif message["type"] == "websocket.close":
            self._ended = self._closed is None
        await self._send(message)

    def _note(self, direction: str, message: Any) -> None:
        data = message.get("text")
        metrics.MESSAGES.labels(self._route, direction).inc()
        metrics.MESSAGE_BYTES.labels(self._route, direction).inc(
            len(message.get("bytes") or b"" if data is None else data)
        )
