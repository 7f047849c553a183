"""One check: what was looked at, what was seen, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Outcome = Literal["fault", "warning", "note", "ok", "skipped"]
ORDER: Final[tuple[Outcome, ...]] = ("fault", "warning", "note", "ok", "skipped")
"""From what has to be seen first to what may be seen last."""


@dataclass(frozen=True, slots=True)
class Check:
    """`name` is stable from release to release; `seen` and `do` are for people. `do` may be empty."""

    name: str
    outcome: Outcome
    seen: str
    do: str = ""


def ok(name: str, seen: str) -> Check:
    """All is well."""
    return Check(name, "ok", seen)


def note(name: str, seen: str, do: str = "") -> Check:
    """Worth knowing, and nothing wrong."""
    return Check(name, "note", seen, do)


def warning(name: str, seen: str, do: str) -> Check:
    """The box works, and may not for long or not as well as it could."""
    return Check(name, "warning", seen, do)


def fault(name: str, seen: str, do: str) -> Check:
    """The box does not work, or what it keeps is in danger."""
    return Check(name, "fault", seen, do)


def skipped(name: str, why: str) -> Check:
    """Not looked at."""
    return Check(name, "skipped", why)
