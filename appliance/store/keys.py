"""API keys: shown once, kept as digests.

A key is `va_<id>_<secret>`. Its secret has 256 random bits, so that one pass of SHA-256 is as good as a slow hash:
there is nothing to guess. Digests are compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from appliance.errors import NotFound, RequestError
from appliance.store.database import now_ms
from appliance.store.owners import Owner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlite_utils import Database as Tables

    from appliance.store.database import Database
    from appliance.store.owners import Role

PREFIX: Final = "va_"
MOST_KEYS: Final = 10_000
USED_AGAIN_MS: Final = 60_000
"""`used_ms` is as exact as this."""

State = Literal["active", "expired", "revoked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key, without its secret. Times are milliseconds since the epoch."""

    id: str
    user: str
    name: str
    role: Role
    scopes: tuple[str, ...]
    """What it is good for; none: everything that its role may."""
    limits: Mapping[str, int]
    """In place of its role's, by the name of the setting."""
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None
    used_ms: int | None

    @property
    def owner(self) -> Owner:
        """Whose it is."""
        return Owner(self.user, self.role)

    def state(self, now: int) -> State:
        """Whether it opens anything at `now`, in milliseconds since the epoch."""
        if self.revoked_ms is not None:
            return "revoked"
        return "expired" if self.expires_ms is not None and self.expires_ms <= now else "active"


class Keys:
    """All keys of the box."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, *, user: str, name: str, role: Role, scopes: Sequence[str] = (), lasts_ms: int | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> tuple[Key, str]:  # fmt: skip
        """A new key that opens for `lasts_ms`, and the only sight of its text.

        Raises `RequestError` where there are too many.
        """
        key_id, secret = secrets.token_hex(6), secrets.token_hex(32)
        text = f"{PREFIX}{key_id}_{secret}"

        def change(tables: Tables) -> Key:
            (count,) = tables.execute("SELECT count(*) FROM keys").fetchone()
            if count >= MOST_KEYS:
                raise RequestError(f"There are {MOST_KEYS} keys already.", param="name")
            now = now_ms()
            tables.execute(
                "INSERT INTO keys (id, digest, user, name, role, scopes, limits, created_ms, expires_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    key_id, digest(text), user, name, role, msgspec.json.encode(sorted(set(scopes))).decode(),
                    msgspec.json.encode(limits or {}).decode(), now,
                    None if lasts_ms is None else now + lasts_ms,
                ],
            )  # fmt: skip
            return _get(tables, key_id)

        return await self._database.write(change), text

    async def all(self) -> list[Key]:
        """Newest first."""
        return await self._database.read(
            lambda tables: [key_of(row) for row in tables.query("SELECT * FROM keys ORDER BY created_ms DESC, id")]
        )

    async def get(self, key: str) -> Key:
        """By its id. Raises `NotFound`."""
        return await self._database.read(lambda tables: _get(tables, key))

    async def revoke(self, key: str) -> Key:
        """From now on it opens nothing, nor do the sign-ins that were made with it. Raises `NotFound`."""

        def change(tables: Tables) -> Key:
            _get(tables, key)
            tables.execute("UPDATE keys SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL", [now_ms(), key])
            tables.execute("DELETE FROM sign_ins WHERE key = ?", [key])
            return _get(tables, key)

        return await self._database.write(change)

    async def known(self, text: str) -> Key | None:
        """The key with this text, whatever its state; None if there is none."""
        key_id = text.removeprefix(PREFIX).partition("_")[0] if text.startswith(PREFIX) else ""
        given = digest(text)

        def query(tables: Tables) -> Key | None:
            for row in tables.query("SELECT * FROM keys WHERE id = ?", [key_id]):
                return key_of(row) if hmac.compare_digest(row["digest"], given) else None
            hmac.compare_digest(given, given)  # an unknown id takes as long as a wrong secret
            return None

        return await self._database.read(query)

    def used(self, key: Key) -> None:
        """Note that it was used; nobody waits for it."""
        now = now_ms()
        if key.used_ms is None or now - key.used_ms > USED_AGAIN_MS:
            self._database.begin(lambda tables: _used(tables, key.id, now))


def digest(text: str) -> bytes:
    """SHA-256 of a secret's text."""
    return hashlib.sha256(text.encode()).digest()


def key_of(row: Mapping[str, Any]) -> Key:
    """A key as it was kept."""
    given = {name: row[name] for name in Key.__dataclass_fields__}
    return Key(
        **{**given, "scopes": tuple(msgspec.json.decode(row["scopes"])), "limits": msgspec.json.decode(row["limits"])}
    )


def _get(tables: Tables, key: str) -> Key:
    for row in tables.query("SELECT * FROM keys WHERE id = ?", [key]):
        return key_of(row)
    raise NotFound(f"There is no key {key[:64]!r}.", param="key_id")


def _used(tables: Tables, key: str, now: int) -> None:
    tables.execute("UPDATE keys SET used_ms = ? WHERE id = ?", [now, key])
