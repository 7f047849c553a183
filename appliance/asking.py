"""For whom the current task works, so that the engines can be fair to everybody, and what may be kept of it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

USER: Final[ContextVar[str]] = ContextVar("user", default="")
"""A user's name; empty for the box itself. Tasks inherit it from whoever starts them. It is never logged."""
CACHED: Final[ContextVar[bool]] = ContextVar("cached", default=True)
"""Whether answers may be taken from a cache, and kept in it."""
