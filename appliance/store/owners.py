"""Whose something is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["admin", "user"]


@dataclass(frozen=True, slots=True)
class Owner:
    """A user by name, who may have several keys. `role` decides how long what is theirs is kept."""

    user: str
    role: Role = "user"


LOCAL: Final = Owner("local", "admin")
"""Whoever reaches an open box."""
