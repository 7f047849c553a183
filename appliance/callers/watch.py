"""Keys that end while somebody speaks with them: revoked from the command line, or expired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from appliance.errors import NotFound
from appliance.logs import logger, place_of
from appliance.store.database import now_ms

if TYPE_CHECKING:
    from appliance.callers.lines import Lines
    from appliance.store.keys import Keys

log = logger(__name__)

SECONDS = 5.0
"""Between two looks."""


async def watch_keys(keys: Keys, lines: Lines) -> None:
    """Cut the lines of keys that are no longer good, until cancelled."""
    while True:
        await anyio.sleep(SECONDS)
        for key in lines.keys:
            try:
                if not await good(keys, key):
                    lines.cut(key)
            except Exception as error:  # noqa: BLE001 - nobody can tell now; the next time, perhaps
                log.warning("key not looked at", **place_of(error))


async def good(keys: Keys, key: str) -> bool:
    """Whether the key with this id opens anything."""
    try:
        return (await keys.get(key)).state(now_ms()) == "active"
    except NotFound:
        return False
