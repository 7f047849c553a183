"""Whether a worker still gives signs of life."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from anyio import CancelScope


class Silence:
    """How long a worker has said nothing.

    Time in which this process stood still itself does not count: what the worker said meanwhile lies unread.
    """

    def __init__(self, most: float, every: float) -> None:
        """`most`: seconds that a worker may be silent; it says something every `every` seconds."""
        self._most, self._every = most, every
        self._heard_at = anyio.current_time()

    def broken(self) -> None:
        """The worker has said something."""
        self._heard_at = anyio.current_time()

    async def end(self, listening: CancelScope) -> None:
        """Cancel the listening once the silence has lasted too long."""
        while anyio.current_time() - self._heard_at <= self._most:
            due = anyio.current_time() + self._every
            await anyio.sleep_until(due)
            now = anyio.current_time()
            self._heard_at = min(now, self._heard_at + now - due)
        listening.cancel()
