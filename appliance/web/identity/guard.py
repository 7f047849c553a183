"""Asks everybody who they are before any door opens.

Every route says in its `opt` what it needs; one that says nothing needs any key that is good.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers.base import BaseRouteHandler

from appliance import metrics
from appliance.asking import USER
from appliance.callers.caller import Caller, Needed, caller_with, local_caller
from appliance.callers.watch import good
from appliance.errors import ApplianceError, Forbidden, Unauthorized
from appliance.store.database import now_ms
from appliance.store.keys import digest
from appliance.web.identity.origins import check_loopback, check_origin
from appliance.web.identity.scope import let_in, turn_away

if TYPE_CHECKING:
    from appliance.store.keys import Key
    from appliance.web.box import Box

NEEDS: Final = "needs"
COOKIE: Final = "appliance_session"
SUBPROTOCOL: Final = "openai-insecure-api-key."
"""Before a key among the sub-protocols that a browser offers, as it can send no header."""
ENDED: Final = "The key has expired or has been revoked."
NO_KEY: Final = "Send a key as 'Authorization: Bearer va_…'."

WORDS: Final = {"expired": "The key has expired.", "revoked": "The key has been revoked."}


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let the caller in. Raises `Unauthorized` or `Forbidden`; a live connection is told later, in its own words."""
    needed: Needed = handler.opt.get(NEEDS, "any")
    if needed == "open":
        return
    try:
        box: Box = connection.app.state.box
        caller = await _recognised(connection, box)
        if not caller.may(needed):
            raise Forbidden(f"The key may not do this: it needs the scope {needed!r}.")
        meter = connection.scope["state"]["meter"] = await box.meters.of(caller)
        if connection.scope["type"] != ScopeType.WEBSOCKET:
            meter.enter()
            connection.scope["state"]["entered"] = True
    except ApplianceError as error:
        if connection.scope["type"] != ScopeType.WEBSOCKET:
            raise
        turn_away(connection.scope, error)
    else:
        USER.set(caller.owner.user)
        let_in(connection.scope, caller)


async def _recognised(connection: ASGIConnection[Any, Any, Any, Any], box: Box) -> Caller:
    address = connection.client.host if connection.client else ""
    method = None if connection.scope["type"] == ScopeType.WEBSOCKET else str(connection.scope["method"])
    origins = box.settings.http.origins
    if box.settings.http.open:
        check_loopback(connection.headers)
        check_origin(connection.headers, method, origins)
        return local_caller(address)
    if text := shown_by(connection):
        if method is None and (invited := box.lines.invited(text)) is not None:
            if invited.caller.key and not await good(box.keys, invited.caller.key):
                raise Unauthorized(ENDED)
            return replace(invited.caller, address=address)
        return await recognise(box, text, await box.keys.known(text), address)
    if token := connection.cookies.get(COOKIE):
        check_origin(connection.headers, method, origins)
        caller = await recognise(box, token, await box.sign_ins.key(token), address)
        return replace(caller, sign_in=digest(token))
    raise Unauthorized(NO_KEY, code="missing_api_key")


async def recognise(box: Box, shown: str, key: Key | None, address: str) -> Caller:
    """Whoever shows a key. Raises `Unauthorized`, after a while, for one that is not good."""
    state = "unknown" if key is None else key.state(now_ms())
    if key is None or state != "active":
        if box.failures.worth_noting(address):
            box.audit.note(key.id if key is not None else "", f"refused: {state} key", address=address)
        await box.failures.slow_down(address)
        metrics.WRONG_KEYS.inc()
        raise Unauthorized(WORDS.get(state, "The key is not known here." if shown else NO_KEY))
    box.keys.used(key)
    return caller_with(key, address, box.settings)


def offered_by(socket: ASGIConnection[Any, Any, Any, Any]) -> list[str]:
    """The sub-protocols that a client of a WebSocket offers."""
    return [each.strip() for each in socket.headers.get("sec-websocket-protocol", "").split(",")]


def shown_by(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The key that a caller shows, by header or, on a WebSocket, by sub-protocol; empty if none is."""
    scheme, _, given = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and given.strip():
        return str(given.strip())
    if connection.scope["type"] == ScopeType.WEBSOCKET:
        keys = [each.removeprefix(SUBPROTOCOL) for each in offered_by(connection) if each.startswith(SUBPROTOCOL)]
        return keys[0] if keys else ""
    return ""
