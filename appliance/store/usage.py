"""What each key has used, by day (UTC)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import anyio

from appliance.store.writing import WRITE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlite_utils import Database as Tables

    from appliance.store.database import Database
    from appliance.store.writing import Writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """So much of everything. Audio in milliseconds."""

    requests: int = 0
    heard_ms: int = 0
    spoken_ms: int = 0
    read_tokens: int = 0
    written_tokens: int = 0
    documents: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(**{name: getattr(self, name) + getattr(other, name) for name in NAMES})

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.read_tokens + self.written_tokens

    @property
    def audio_seconds(self) -> float:
        """Heard and spoken."""
        return (self.heard_ms + self.spoken_ms) / 1000


NAMES: Final = tuple(field.name for field in fields(Amount))


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a key used on a day. `key` is its id, empty in open mode."""

    day: str
    key: str
    user: str
    amount: Amount


def day_of(milliseconds: int) -> str:
    """The day (UTC) of a time since the epoch, as 2026-11-26."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d")


class Usage:
    """All that was used."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._newest: Writing[None] | None = None

    def note(self, day: str, key: str, user: str, amount: Amount) -> None:
        """Queue an addition to what was used; what uses it does not wait."""
        writing = self._database.begin(lambda tables: _note(tables, day, key, user, amount))
        if not writing.ended.is_set():  # or it had no place in the queue
            self._newest = writing

    async def of(self, key: str, day: str) -> Amount:
        """What a key has used on a day."""

        def query(tables: Tables) -> Amount:
            rows = tables.query("SELECT * FROM usage WHERE key = ? AND day = ?", [key, day])
            return next((_amount(row) for row in rows), Amount())

        return await self._database.read(query)

    async def since(self, day: str, user: str | None = None) -> Sequence[Used]:
        """By day and key, newest first; of one user, or of all.

        What was noted before is in it; waits `WRITE_SECONDS` for that at most.
        """
        if self._newest is not None:
            with anyio.move_on_after(WRITE_SECONDS):
                await self._newest.ended.wait()

        def query(tables: Tables) -> list[Used]:
            rows = tables.query(
                "SELECT * FROM usage WHERE day >= :day AND (:user IS NULL OR user = :user)"
                " ORDER BY day DESC, user, key",
                {"day": day, "user": user},
            )
            return [Used(day=row["day"], key=row["key"], user=row["user"], amount=_amount(row)) for row in rows]

        return await self._database.read(query)


def _amount(row: Mapping[str, Any]) -> Amount:
    return Amount(**{name: row[name] for name in NAMES})


def _note(tables: Tables, day: str, key: str, user: str, amount: Amount) -> None:
    added = ", ".join(f"{name} = {name} + excluded.{name}" for name in NAMES)
    tables.execute(
        f"INSERT INTO usage (day, key, user, {', '.join(NAMES)}) VALUES (?, ?, ?{', ?' * len(NAMES)})"
        f" ON CONFLICT (day, key) DO UPDATE SET {added}",
        [day, key, user, *(getattr(amount, name) for name in NAMES)],
    )
