"""The server, as it begins and ends where its sockets outlive it: what clients ask meanwhile is answered.

While it ends, clients that connect wait in the socket's queue for the next one, if somebody else keeps the socket.
Those that were let in are answered: uvicorn itself closes a connection whose request is still on its way.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final

import anyio
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

LOOK_SECONDS: Final = 0.02
LEAST_SECONDS: Final = 0.1
"""Connections that were let in last become known to the server within this time."""
MOST_SECONDS: Final = 2.0
"""By then no first request is waited for any more; a head that has begun has until the end that the settings give."""


class WebSocket(WebSocketsSansIOProtocol):
    """As uvicorn's own, but it can be told more than once that it ends: one whose client does not read stays known."""

    def shutdown(self) -> None:
        """The server ends: say so, and close."""
        if not self.transport.is_closing():
            super().shutdown()


def _no_hurry() -> bool:
    return True


class Server(uvicorn.Server):
    """As uvicorn's own, for sockets that are given to it.

    It lets nobody in before `ready`, but no longer than `patience` seconds: who connects meanwhile waits in the queue.
    `ending` is called once, when it has been told to stop.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        ready: Callable[[], bool] = _no_hurry,
        patience: float = 0.0,
        ending: Callable[[], object] = _no_hurry,
    ) -> None:
        super().__init__(config)
        self._ready, self._patience, self._ending = ready, patience, ending

    def end(self) -> None:
        """As if it had been told to stop."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and let clients in once it can answer them."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        with anyio.move_on_after(self._patience):
            while not self._ready() and not self.should_exit:  # noqa: ASYNC110 - a signal sets a flag and no more
                await anyio.sleep(LOOK_SECONDS)
        loop = asyncio.get_running_loop()
        self.servers = []
        for listener in () if self.should_exit or sockets is None else sockets:
            server = await loop.create_server(self._protocol, sock=listener, backlog=self.config.backlog)
            self.servers.append(server)
        self.started = True

    def _protocol(self) -> Any:
        make: Any = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let nobody in any more, answer those who were, and end the application."""
        self._ending()
        for server in self.servers:
            server.close()
        await self._take_leave()
        await super().shutdown(sockets)

    async def _take_leave(self) -> None:
        """Tell each connection that it ends, those that only now become known too."""
        began, told = anyio.current_time(), set[Any]()
        while (passed := anyio.current_time() - began) < MOST_SECONDS and not self.force_exit:
            for connection in self.server_state.connections - told:
                connection.shutdown()
                told.add(connection)
            if passed >= LEAST_SECONDS and not any(getattr(each, "awaited", False) for each in told):
                break
            await anyio.sleep(LOOK_SECONDS)
