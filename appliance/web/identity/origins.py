"""Which pages may use what a browser sends by itself: a cookie, or the way to an open box.

A page anywhere can have a browser send a form or open a WebSocket to this box; only the `Origin` header tells. And a
name that a stranger's page belongs to can be made to point at this machine; only the `Host` header tells.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from appliance.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
"""They change nothing, and what they answer is not shown to pages of other origins."""


def check_origin(headers: Mapping[str, str], method: str | None, allowed: Sequence[str]) -> None:
    """Raise `Forbidden` for a page of another origin. `method` is None for a WebSocket."""
    origin = headers.get("origin")
    if origin is None or method in SAFE or origin in allowed:
        return
    if origin.partition("://")[2].lower() != headers.get("host", "").lower():
        raise Forbidden("Pages of this origin may not use the box; see http.origins.", code="origin_refused")


def check_loopback(headers: Mapping[str, str]) -> None:
    """Raise `Forbidden` for a name that is not this machine's own."""
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:  # an address with half its brackets
        host = "?"
    if host and not is_loopback(host):
        raise Forbidden("An open box answers to localhost only.", code="origin_refused")


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
