"""Whether a worker still gives signs of life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import anyio

if TYPE_CHECKING:
    from anyio import CancelScope


class Clock(Protocol):
    """anyio's, or a test's own."""

    def current_time(self) -> float:
        """Seconds."""

    async def sleep_until(self, deadline: float) -> None:
        """Wait for that time."""


class Silence:
    """How long a worker has said nothing.

    Time in which this process stood still itself does not count: what the worker said meanwhile lies unread.
    """

    def __init__(self, most: float, every: float, clock: Clock = anyio) -> None:
        """`most`: seconds that a worker may be silent; it says something every `every` seconds."""
        self.most, self._every, self._clock = most, every, clock
        self._heard_at = self._clock.current_time()

    def broken(self) -> None:
        """The worker has said something."""
        self._heard_at = self._clock.current_time()

    async def end(self, listening: CancelScope) -> None:
        """Cancel the listening once the silence has lasted too long."""
        while self._clock.current_time() - self._heard_at <= self.most:
            due = self._clock.current_time() + self._every
            await self._clock.sleep_until(due)
            now = self._clock.current_time()
            self._heard_at = min(now, self._heard_at + now - due)
        listening.cancel()
