"""What waits to be sent on one connection, in the order in which it came. A client that does not read is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
from wyoming.error import Error
from wyoming.event import Event

from appliance import metrics
from appliance.logs import logger, place_of
from appliance.wyoming.frames import frame

if TYPE_CHECKING:
    from anyio.abc import ByteSendStream

    from appliance.errors import ApplianceError

log = logger(__name__)

MOST_WAITING: Final = 512
"""Events; each has at most a second of sound."""


class Outbox:
    """`patience`: seconds that one event may take to be sent. `gone` is set once nothing can be sent any more."""

    def __init__(self, stream: ByteSendStream, patience: float) -> None:
        self._stream, self._patience = stream, patience
        self._in, self._out = anyio.create_memory_object_stream[Event](MOST_WAITING)
        self._sent = anyio.Event()
        self.gone = anyio.CancelScope()
        """Around all that is done for the other side."""

    def put(self, *events: Event) -> None:
        """Send these, soon; after `finish` nothing more is."""
        for event in events:
            try:
                self._in.send_nowait(event)
            except (anyio.WouldBlock, anyio.BrokenResourceError):
                self.gone.cancel()
            except anyio.ClosedResourceError:
                return

    def tell(self, error: ApplianceError) -> None:
        """Send what is wrong, soon. It is counted as told."""
        metrics.ERRORS.labels(error.code).inc()
        self.put(Error(error.message, error.code).event())

    async def say(self, event: Event) -> None:
        """Send this; waits while much waits already."""
        try:
            await self._in.send(event)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            await anyio.lowlevel.checkpoint()

    async def run(self) -> None:
        """Send, until all that came before `finish` has been sent, or nobody reads."""
        try:
            with self._in, self._out:
                async for event in self._out:
                    with anyio.fail_after(self._patience):
                        await self._stream.send(frame(event))
                    metrics.WYOMING_EVENTS.labels("out").inc()
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody reads any more
            log.debug("event not sent", **place_of(error))
            self.gone.cancel()
        finally:
            self._sent.set()

    async def finish(self) -> None:
        """Nothing more comes: wait until all is sent, and end what is done for the other side."""
        self._in.close()
        with anyio.move_on_after(self._patience):
            await self._sent.wait()
        self.gone.cancel()
