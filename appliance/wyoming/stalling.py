"""Waiting for the other side's next event, but not for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import anyio

from appliance.wyoming.wire import ClientEvent

if TYPE_CHECKING:
    from appliance.errors import TooSlow

Next = Callable[[], Awaitable[ClientEvent]]

STALLED_SECONDS: Final = 60.0
"""Without the next piece: a language model that writes a text may take its time."""


async def next_of(events: Next, stalled: TooSlow) -> ClientEvent:
    """The next event. Raises `stalled` where none comes."""
    with anyio.move_on_after(STALLED_SECONDS):
        return await events()
    raise stalled
