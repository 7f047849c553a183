"""The door itself: who connects is let in, or not, and served until they leave or the box ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
from anyio.abc import SocketAttribute, SocketListener
from wyoming.error import Error

from appliance import metrics
from appliance.errors import Overloaded
from appliance.logs import logger, place_of
from appliance.wyoming.frames import frame
from appliance.wyoming.line import Line

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from anyio.abc import SocketStream, TaskGroup

    from appliance.wyoming.about import About
    from appliance.wyoming.admission import Admission

log = logger(__name__)

LEAVE_SECONDS: Final = 10.0
"""For what is being served when the box ends."""
LOOK_SECONDS: Final = 0.05
"""Between two looks at who is still served."""
PAUSE_SECONDS: Final = 1.0
"""Before the next try where nobody can be let in."""


class Listener:
    """Of one box. At most `most` clients at once; `patience`: seconds that half a frame, or an unread one, may take."""

    def __init__(self, admission: Admission, about: About, *, most: int, patience: float) -> None:
        self._admission, self._about, self._most, self._patience = admission, about, most, patience
        self._lines: set[Line] = set()
        self._accepting = anyio.CancelScope()

    async def run(self, sockets: Sequence[socket.socket]) -> None:
        """Serve at these sockets until `leave`, or cancelled."""
        async with anyio.create_task_group() as tasks:
            with self._accepting:
                async with anyio.create_task_group() as accepting:
                    for each in sockets:
                        accepting.start_soon(self._accept, await SocketListener.from_socket(each), tasks)

    async def leave(self) -> None:
        """Let nobody in any more, and wait a while for those who are being served."""
        self._accepting.cancel()
        for line in list(self._lines):
            line.leave()
        with anyio.move_on_after(LEAVE_SECONDS):
            while self._lines:  # noqa: ASYNC110 - each ends by itself
                await anyio.sleep(LOOK_SECONDS)

    async def _accept(self, listener: SocketListener, tasks: TaskGroup) -> None:
        async with listener:
            while True:
                try:
                    stream = await listener.accept()
                except OSError as error:  # too many files are open, say: it may pass
                    log.error("wyoming clients cannot be let in", **place_of(error))
                    await anyio.sleep(PAUSE_SECONDS)
                else:
                    tasks.start_soon(self._let_in, stream)

    async def _let_in(self, stream: SocketStream) -> None:
        try:
            async with stream:
                await self._serve(stream)
        except Exception as error:  # noqa: BLE001 - one client's fault must not be the others'
            log.error("wyoming connection failed", **place_of(error))

    async def _serve(self, stream: SocketStream) -> None:
        peer = stream.extra(SocketAttribute.remote_address)  # noqa: S610 - a name of anyio's
        address = "" if isinstance(peer, str) else peer[0]  # a socket in the file system has paths
        if not self._admission.welcomes(address):
            metrics.WYOMING_CONNECTIONS.labels("address").inc()
            log.info("wyoming client turned away", address=address, why="wyoming.allow does not have it")
            return
        if len(self._lines) >= self._most:
            metrics.WYOMING_CONNECTIONS.labels("crowded").inc()
            error = Overloaded(f"The box has {self._most} Wyoming clients already.", retry_after=10)
            with anyio.move_on_after(1):
                await stream.send(frame(Error(error.message, error.code).event()))
            return
        line = Line(stream, address, self._admission, self._about, self._patience)
        self._lines.add(line)
        outcome = "server"
        try:
            with metrics.WYOMING_NOW.labels("client").track_inprogress():
                outcome = await line.serve()
        finally:
            self._lines.discard(line)
            metrics.WYOMING_CONNECTIONS.labels(outcome).inc()
