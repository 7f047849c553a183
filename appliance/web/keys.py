"""`/v1/admin/keys`: who may come in."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, UnsetType

from appliance.callers.caller import GRANTABLE, Caller, Scope
from appliance.errors import RequestError
from appliance.store.database import DAY_MS, now_ms
from appliance.store.keys import Key
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS

ADMIN = {NEEDS: "admin"}

Most = Annotated[int, Meta(ge=0, le=10**12)]

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f/]+\Z")]


class KeyLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Limits of the key's own, in place of its role's; 0 is as much as it likes."""

    requests_minute: Most | UnsetType = UNSET
    requests_at_once: Most | UnsetType = UNSET
    sessions: Most | UnsetType = UNSET
    audio_seconds_day: Most | UnsetType = UNSET
    tokens_day: Most | UnsetType = UNSET
    documents_day: Most | UnsetType = UNSET


class CreateKey(msgspec.Struct, kw_only=True):
    """Body of `POST /v1/admin/keys`."""

    name: Annotated[Name, Meta(description="What the key is for.")]
    user: (
        Annotated[Name, Meta(description="Whose conversations it sees; the key's own name where it is absent.")] | None
    ) = None
    role: Literal["admin", "user"] = "user"
    scopes: Annotated[list[Scope], Meta(max_length=16)] = []
    limits: KeyLimits = KeyLimits()
    expires_in_days: Annotated[float, Meta(gt=0, le=36_500)] | None = None


class KeyBody(msgspec.Struct, frozen=True, kw_only=True):
    """A key; times in seconds since the epoch. `key` is its text, which is shown this once."""

    id: str
    name: str
    user: str
    role: Literal["admin", "user"]
    scopes: list[str]
    limits: dict[str, int]
    state: Literal["active", "expired", "revoked"]
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    last_used_at: int | None
    key: str | UnsetType = UNSET
    object: Literal["api_key"] = "api_key"


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    """All keys."""

    data: list[KeyBody]
    object: Literal["list"] = "list"


@post("/v1/admin/keys", opt=ADMIN, status_code=200, summary="Make a key")
async def create_key(box: NamedDependency[Box], caller: NamedDependency[Caller], data: JSONBody[CreateKey]) -> KeyBody:
    """A new key. Its text is in this answer and nowhere else."""
    for number, scope in enumerate(data.scopes):
        if scope not in GRANTABLE[data.role]:
            raise RequestError(f"A key of a {data.role} cannot have the scope {scope!r}.", param=f"scopes[{number}]")
    key, text = await box.keys.create(
        user=data.user or data.name,
        name=data.name,
        role=data.role,
        scopes=data.scopes,
        lasts_ms=None if data.expires_in_days is None else int(data.expires_in_days * DAY_MS),
        limits=msgspec.to_builtins(data.limits),
    )
    box.audit.note(caller.actor, "key created", f"{key.user}/{key.id}", caller.address)
    return _body(key, text)


@get("/v1/admin/keys", opt=ADMIN, summary="All keys")
async def list_keys(box: NamedDependency[Box]) -> KeyList:
    """All keys without their texts, newest first."""
    return KeyList(data=[_body(key) for key in await box.keys.all()])


@delete("/v1/admin/keys/{key_id:str}", opt=ADMIN, status_code=200, summary="Revoke a key")
async def revoke_key(
    box: NamedDependency[Box], caller: NamedDependency[Caller], key_id: FromPath[str]
) -> KeyBody:  # fmt: skip
    """It opens nothing any more; who signed in or speaks with it is out."""
    key = await box.keys.revoke(key_id)
    box.lines.cut(key.id)
    box.audit.note(caller.actor, "key revoked", f"{key.user}/{key.id}", caller.address)
    return _body(key)


def _body(key: Key, text: str | UnsetType = UNSET) -> KeyBody:
    return KeyBody(
        id=key.id, name=key.name, user=key.user, role=key.role, scopes=list(key.scopes), limits=dict(key.limits),
        state=key.state(now_ms()), created_at=key.created_ms // 1000, expires_at=_seconds(key.expires_ms),
        revoked_at=_seconds(key.revoked_ms), last_used_at=_seconds(key.used_ms), key=text,
    )  # fmt: skip


def _seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds // 1000
