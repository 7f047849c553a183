"""Turns that are tried again: a client that does not know whether it was heard sends the same `Idempotency-Key`."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from litestar import Request

from appliance.errors import RequestError
from appliance.ids import new_id

HEADER: Final = "idempotency-key"
MOST_CHARACTERS: Final = 255


def turn_of(request: Request[Any, Any, Any]) -> str:
    """Id of the turn that a request is, the same for each try of it. Raises `RequestError` if the key is too long."""
    key = request.headers.get(HEADER, "")
    if len(key) > MOST_CHARACTERS:
        raise RequestError(f"Idempotency-Key has at most {MOST_CHARACTERS} characters.", param="Idempotency-Key")
    return f"turn_{hashlib.sha256(key.encode()).hexdigest()[:24]}" if key else new_id("turn")
