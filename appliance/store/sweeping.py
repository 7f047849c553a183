"""What has been kept for long enough goes, and what was deleted leaves no trace in the file.

Deleted rows are overwritten as they go (`secure_delete`). Their words stay in the search's index until its segments are
merged, and their pages in the write-ahead log until it is emptied: both are done here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from appliance.errors import ApplianceError
from appliance.logs import logger
from appliance.store.database import now_ms

if TYPE_CHECKING:
    from sqlite_utils import Database as Tables

    from appliance.settings import Store
    from appliance.store.database import Database

log = logger(__name__)

FIRST_SECONDS: Final = 60.0
"""After the start."""
SECONDS: Final = 3600.0
"""Between two sweeps."""
TOGETHER: Final = 50
"""Rows that go in one transaction, so that no turn waits long."""
MERGED_PAGES: Final = 200
"""Of the search's index, in one transaction."""
DAY_MS: Final = 86_400_000

RULES: Final = {
    "user_days": ("conversations", "role = 'user' AND updated_ms < ?"),
    "admin_days": ("conversations", "role = 'admin' AND updated_ms < ?"),
    "response_days": ("responses", "created_ms < ?"),
    "audit_days": ("audit", "at_ms < ?"),
}
"""By the setting with the days: a table, and which of its rows are older."""


async def keep_swept(database: Database, settings: Store) -> None:
    """Sweep every hour until cancelled."""
    await anyio.sleep(FIRST_SECONDS)
    while True:
        try:
            await sweep(database, settings)
        except ApplianceError as error:  # a full disk, for example; the next hour may be better
            log.warning("sweep broken off", code=error.code)
        await anyio.sleep(SECONDS)


async def sweep(database: Database, settings: Store) -> int:
    """Delete all that is too old, and clean up behind every deletion; how many rows went."""
    gone = 0
    for field, (table, older) in RULES.items():
        days: float = getattr(settings, field)
        if days:
            gone += await _delete(database, table, older, now_ms() - int(days * DAY_MS))
    while await database.write(_merge):
        pass
    await database.checkpoint()
    if gone:
        log.info("too old rows deleted", rows=gone)
    return gone


async def _delete(database: Database, table: str, older: str, than_ms: int) -> int:
    def change(tables: Tables) -> int:
        some = f"SELECT number FROM {table} WHERE {older} LIMIT ?"
        return tables.execute(f"DELETE FROM {table} WHERE number IN ({some})", [than_ms, TOGETHER]).rowcount

    gone = 0
    while now := await database.write(change):
        gone += now
    return gone


def _merge(tables: Tables) -> bool:
    """Merge a little; whether there is more to do."""
    before = tables.conn.total_changes
    tables.execute("INSERT INTO items_words (items_words, rank) VALUES ('merge', ?)", [-MERGED_PAGES])
    return tables.conn.total_changes - before >= 2
