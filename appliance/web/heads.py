"""The server's protocol with bounds on a request's head: how large it may be, and how long it may take.

The parser itself bounds neither, so that anybody could fill the memory, or hold connections, before any key is asked.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_BYTES: Final = 64 * 1024
"""Of a request's line and headers."""
SECONDS: Final = 15.0
"""From the connection, or from a later head's first byte, until the head is complete."""
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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._in_time()
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
        self._wanted, self._head_bytes = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is here, and the next head may come."""
        self._wanted = True
        super().on_message_complete()

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
