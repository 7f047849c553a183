"""A change on its way to disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

import anyio

from appliance.errors import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlite_utils import Database as Tables

Result = TypeVar("Result")

WRITE_SECONDS: Final = 30.0
"""Longest wait for a change to be on disk."""
LATE: Final = "The disk did not take this in time."


class Writing(Generic[Result]):
    """A change on its way to disk."""

    def __init__(self, change: Callable[[Tables], Result]) -> None:
        self.change = change
        self.ended = anyio.Event()
        self.result: Result
        self.error: Exception | None = None
        self.withdrawn = False
        """Nobody waits for it any more, and has been told so: if it has not begun, it is not made."""

    async def done(self) -> Result:
        """What the change returned, once it is on disk. Raises what it raised, or a storage error."""
        with anyio.move_on_after(WRITE_SECONDS):
            await self.ended.wait()
        if not self.ended.is_set():
            self.withdrawn = True
            raise DeadlineExceeded(LATE)
        if self.error is not None:
            raise self.error
        return self.result
