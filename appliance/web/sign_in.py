"""`/v1/session`: a browser shows a key once, and then a cookie that no page can read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import JSONBody

from appliance.callers.caller import Caller, local_caller
from appliance.store.database import now_ms
from appliance.store.keys import digest
from appliance.web.box import Box
from appliance.web.identity.guard import COOKIE, NEEDS, recognise
from appliance.web.identity.origins import check_origin


class SignIn(msgspec.Struct, kw_only=True):
    """Body of `POST /v1/session`."""

    key: str


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in. `expires_at` is in seconds since the epoch, null where it never does.

    `signed_in`: by a browser's cookie, which it can give back.
    """

    user: str
    role: Literal["admin", "user"]
    scopes: list[str]
    signed_in: bool = False
    expires_at: int | None = None
    object: Literal["session"] = "session"


@post("/v1/session", opt={NEEDS: "open"}, status_code=200, summary="Sign in")
async def sign_in(request: Request[Any, Any, Any], box: NamedDependency[Box], data: JSONBody[SignIn]) -> Response[Who]:
    """Exchange a key for a cookie that scripts cannot read and other sites cannot send."""
    check_origin(request.headers, request.method, box.settings.http.origins)
    address = request.client.host if request.client else ""
    if box.settings.http.open:
        return Response(_who(local_caller(address)))
    key = await box.keys.known(data.key.strip())
    caller = await recognise(box, data.key, key, address)
    assert key is not None  # noqa: S101 - it was recognised
    token = await box.sign_ins.create(key)
    box.audit.note(caller.actor, "signed in", address=address)
    seconds = int(box.sign_ins.seconds)
    answer = Response(_who(replace(caller, sign_in=digest(token)), now_ms() + seconds * 1000))
    answer.set_cookie(
        Cookie(
            COOKIE,
            value=token,
            max_age=seconds,
            httponly=True,
            samesite="strict",
            secure=request.scope["scheme"] == "https",
        )
    )
    return answer


@get("/v1/session", opt={NEEDS: "any"}, summary="Who is signed in")
async def who_am_i(caller: NamedDependency[Caller]) -> Who:
    """Whose key or cookie this is, and what it may."""
    return _who(caller)


@delete("/v1/session", opt={NEEDS: "any"}, status_code=200, summary="Sign out")
async def sign_out(request: Request[Any, Any, Any], box: NamedDependency[Box]) -> Response[dict[str, bool]]:
    """The cookie is good for nothing from now on."""
    if token := request.cookies.get(COOKIE):
        await box.sign_ins.delete(token)
        box.lines.cut_browser(digest(token))
    answer = Response({"signed_out": True})
    answer.delete_cookie(COOKIE)
    return answer


def _who(caller: Caller, until_ms: int | None = None) -> Who:
    ends = min((end for end in (caller.until_ms, until_ms) if end is not None), default=None)
    return Who(
        user=caller.owner.user, role=caller.owner.role, scopes=sorted(caller.scopes), signed_in=bool(caller.sign_in),
        expires_at=None if ends is None else ends // 1000,
    )  # fmt: skip
