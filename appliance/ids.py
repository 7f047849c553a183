"""Names for what has none."""

from __future__ import annotations

from uuid import uuid4


def new_id(prefix: str) -> str:
    """An id that nothing else has."""
    return f"{prefix}_{uuid4().hex[:24]}"
