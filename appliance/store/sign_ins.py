"""Browsers that have signed in: a token for a key, kept as a digest, so that no page has to keep the key."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from appliance.store.database import now_ms
from appliance.store.keys import digest, key_of

if TYPE_CHECKING:
    from sqlite_utils import Database as Tables

    from appliance.store.database import Database
    from appliance.store.keys import Key

MOST_EACH: Final = 100
"""Of one key; the oldest goes."""


class SignIns:
    """All browsers that have signed in, for `seconds` each."""

    def __init__(self, database: Database, seconds: float) -> None:
        self._database, self.seconds = database, seconds

    async def create(self, key: Key) -> str:
        """A token that stands for the key, and ends with it."""
        token, now = secrets.token_urlsafe(32), now_ms()
        until = now + int(self.seconds * 1000)

        def change(tables: Tables) -> None:
            tables.execute("DELETE FROM sign_ins WHERE expires_ms <= ?", [now])
            tables.execute(
                "DELETE FROM sign_ins WHERE digest IN"
                " (SELECT digest FROM sign_ins WHERE key = ? ORDER BY created_ms DESC LIMIT -1 OFFSET ?)",
                [key.id, MOST_EACH - 1],
            )
            tables.execute("INSERT INTO sign_ins VALUES (?, ?, ?, ?)", [digest(token), key.id, now, until])

        await self._database.write(change)
        return token

    async def key(self, token: str) -> Key | None:
        """The key that a token stands for, whatever its state; None if there is none, or no longer."""

        def query(tables: Tables) -> Key | None:
            rows = tables.query(
                "SELECT keys.* FROM sign_ins JOIN keys ON keys.id = sign_ins.key"
                " WHERE sign_ins.digest = ? AND sign_ins.expires_ms > ?",
                [digest(token), now_ms()],
            )
            return next((key_of(row) for row in rows), None)

        return await self._database.read(query)

    async def delete(self, token: str) -> None:
        """The browser signs out."""
        await self._database.write(
            lambda tables: tables.execute("DELETE FROM sign_ins WHERE digest = ?", [digest(token)]).rowcount
        )
