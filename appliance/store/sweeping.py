"""What has been kept for long enough goes, and what was deleted leaves no trace in the file.

Deleted rows are overwritten as they go (`secure_delete`). Their words stay in the search's index until its segments are
merged, and their pages in the write-ahead log until it is emptied: both are done here.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import anyio

from appliance.logs import logger, place_of
from appliance.store import clips
from appliance.store.database import DAY_MS, now_ms

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
MOST_REFUSALS: Final = 10_000
"""Entries of the audit log about wrong keys."""

RULES: Final = {
    "user_days": ("conversations", "conversations.role = 'user' AND updated_ms < ?"),
    "admin_days": ("conversations", "conversations.role = 'admin' AND updated_ms < ?"),
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
        except Exception as error:  # noqa: BLE001 - a full disk, for example; the next hour may be better
            log.warning("sweep broken off", **place_of(error))
        await anyio.sleep(SECONDS)


async def sweep(database: Database, settings: Store) -> int:
    """Delete all that is too old, and clean up behind every deletion; how many rows went."""
    gone = 0
    for field, (table, older) in RULES.items():
        days: float = getattr(settings, field)
        if days:
            gone += await _delete(database, table, older, now_ms() - int(days * DAY_MS))
    for (index,) in await database.read(lambda tables: tables.execute("SELECT name FROM chores").fetchall()):
        while await database.write(partial(_merge, index=index)):
            pass
    gone += await database.write(_prune_refusals)
    await database.checkpoint()
    if gone:
        log.info("too old rows deleted", rows=gone)
    return gone


async def _delete(database: Database, table: str, older: str, than_ms: int) -> int:
    def change(tables: Tables) -> int:
        some = f"SELECT number FROM {table} WHERE {older} LIMIT ?"
        return tables.execute(f"DELETE FROM {table} WHERE number IN ({some})", [than_ms, TOGETHER]).rowcount

    gone = 0
    if table == "conversations":
        await clips.clear(database, older, [than_ms])
    while now := await database.write(change):
        gone += now
    return gone


def _merge(tables: Tables, index: str) -> bool:
    """Merge a little of an index for search; whether there is more to do."""
    before = tables.conn.total_changes
    tables.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('merge', ?)", [-MERGED_PAGES])
    more = tables.conn.total_changes - before >= 2
    if not more:
        tables.execute("DELETE FROM chores WHERE name = ?", [index])
    return more


def _prune_refusals(tables: Tables) -> int:
    """Whoever fails again and again pushes nothing else out of the log."""
    return tables.execute(
        "DELETE FROM audit WHERE number IN (SELECT number FROM audit WHERE action >= 'refused:' AND action < 'refused;'"
        " ORDER BY number DESC LIMIT -1 OFFSET ?)",
        [MOST_REFUSALS],
    ).rowcount
