"""The server's protocol with bounds on a request's head: how large it may be, and how long it may take.

The parser itself bounds neither, so that anybody could fill the memory, or hold connections, before any key is asked.
When the server ends, what is on its way is still answered, as the last thing on its connection.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_BYTES: Final = 64 * 1024
"""Of a request's line and headers."""
SECONDS: Final = 15.0
"""From the connection, or from a later head's first byte, until the head is complete."""
FIRST_SECONDS: Final = 1.0
"""From the server's end until a connection that has asked for nothing yet is closed."""
NEXT_SECONDS: Final = 0.2
"""The same for one that may ask for more: what its client had sent by then has arrived."""
TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedHeads(HttpToolsProtocol):
    """As uvicorn's own, with `MOST_BYTES` and `SECONDS`."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head_bytes = 0
        self._wanted = True
        """Whether a head is what comes next, or is coming."""
        self._slow: asyncio.TimerHandle | None = None
        self._leaving: asyncio.TimerHandle | None = None
        """Runs while a request may still come, before the connection is closed for the server's end."""
        self._last = False
        """Whether nothing is answered after the next request, or the one under way."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._in_time()
        self._stay()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """More of a head or of a body."""
        if self._wanted:
            if self._head_bytes > MOST_BYTES:
                self._refuse(TOO_LARGE)
                return
            self._head_bytes += len(data)
            if not self._answering:  # what is being answered now is not cut off
                self._wait()
        super().data_received(data)

    @property
    def _answering(self) -> bool:
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; behind the body it is a trailer, which nobody wants."""
        if self._wanted:
            super().on_header(name, value)
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MOST_BYTES:
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The head is here."""
        self._in_time()
        self._stay()
        self._wanted, self._head_bytes = False, 0
        super().on_headers_complete()
        cycle: Any = self.cycle
        if self._last and cycle is not None:
            cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The body is here, and the next head may come."""
        self._wanted = True
        super().on_message_complete()

    @property
    def awaited(self) -> bool:
        """Whether the server's end waits for a request that may still come."""
        return self._leaving is not None

    def shutdown(self) -> None:
        """The server ends: answer what is on its way, and close."""
        if self._answering:
            super().shutdown()
        elif not self._last:
            self._last = True
            first: Any = self.cycle
            seconds = FIRST_SECONDS if first is None else NEXT_SECONDS
            self._leaving = self.loop.call_later(seconds, self._leave)

    def _leave(self) -> None:
        self._leaving = None
        if not self._head_bytes:  # one that has begun is read on, for as long as a head may take
            self.transport.close()

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None

    def _wait(self) -> None:
        if self._slow is None:
            self._slow = self.loop.call_later(SECONDS, self._refuse, TOO_SLOW)

    def _in_time(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()
