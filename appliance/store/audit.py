"""What was done to the box and by whom: keys, sign-ins, failures, deletions. Never what was said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.store.database import now_ms

if TYPE_CHECKING:
    from sqlite_utils import Database as Tables

    from appliance.store.database import Database

MOST_ENTRIES: Final = 100_000
"""The oldest go."""
TOGETHER_MS: Final = 3_600_000
"""The same thing again within an hour is counted, so that nobody fills the disk by failing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was done, `times` times; `at_ms` is the last of them, in milliseconds since the epoch."""

    number: int
    at_ms: int
    actor: str
    action: str
    object: str
    address: str
    times: int


class Audit:
    """The log of the box's own affairs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, actor: str, action: str, what: str = "", address: str = "") -> None:
        """Queue an entry; nobody waits for it."""
        now = now_ms()
        self._database.begin(lambda tables: _note(tables, now, actor, action, what, address))

    async def page(self, *, before: int | None = None, limit: int = 100) -> list[Entry]:
        """Newest first; those with a number below `before`."""

        def query(tables: Tables) -> list[Entry]:
            rows = tables.query(
                "SELECT * FROM audit WHERE number < ? ORDER BY number DESC LIMIT ?",
                [2**62 if before is None else before, limit],
            )
            return [Entry(**row) for row in rows]

        return await self._database.read(query)


def _note(tables: Tables, now: int, actor: str, action: str, what: str, address: str) -> None:
    again = tables.execute(
        "UPDATE audit SET times = times + 1, at_ms = ? WHERE number = (SELECT number FROM audit WHERE at_ms > ?"
        " AND actor = ? AND action = ? AND object = ? AND address = ? ORDER BY at_ms DESC LIMIT 1)",
        [now, now - TOGETHER_MS, actor, action, what, address],
    )
    if again.rowcount:
        return
    made = tables.execute(
        "INSERT INTO audit (at_ms, actor, action, object, address) VALUES (?, ?, ?, ?, ?)",
        [now, actor, action, what, address],
    )
    tables.execute("DELETE FROM audit WHERE number <= ?", [(made.lastrowid or 0) - MOST_ENTRIES])
