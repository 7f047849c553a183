"""Keys that end while somebody speaks with them: revoked from the command line, or expired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from appliance.errors import ApplianceError, NotFound
from appliance.store.database import now_ms

if TYPE_CHECKING:
    from appliance.store.keys import Keys
    from appliance.web.realtime.lines import Lines

SECONDS = 5.0
"""Between two looks."""


async def watch_keys(keys: Keys, lines: Lines) -> None:
    """Cut the lines of keys that are no longer good, until cancelled."""
    while True:
        await anyio.sleep(SECONDS)
        for key in lines.keys:
            if not await _good(keys, key):
                lines.cut(key)


async def _good(keys: Keys, key: str) -> bool:
    try:
        return (await keys.get(key)).state(now_ms()) == "active"
    except NotFound:
        return False
    except ApplianceError:  # nobody can tell now
        return True
