"""Who is behind a connection, as the guard has noted it there."""

from __future__ import annotations

from typing import Any

from litestar.types import Scope as Connection

from appliance.callers.caller import Caller
from appliance.errors import ApplianceError, InternalError


def let_in(scope: Connection, caller: Caller) -> None:
    """Note who a connection's caller is."""
    scope["state"]["caller"] = caller


def turn_away(scope: Connection, error: ApplianceError) -> None:
    """Note why a live connection is refused; it is told once it can be."""
    scope["state"]["caller"] = error


def caller_of(scope: Connection) -> Caller:
    """Who a connection's caller is. Raises the reason why they were turned away."""
    found: Any = scope["state"].get("caller")
    if isinstance(found, ApplianceError):
        raise found
    if not isinstance(found, Caller):
        raise InternalError("This door does not ask who is there.")
    return found
