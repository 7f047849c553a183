"""The database's tables, as numbered steps that are never edited once they were released."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sqlite_utils import Migrations

from appliance.store.faults import StoreError
from appliance.store.migrations import knowledge, memory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlite_utils import Database

__all__ = ["applied", "known", "migrate", "newer", "steps"]

NUMBERED: Final = re.compile(r"m\d{3}_")
STEPS: Final = {name: step for part in (memory, knowledge) for name, step in vars(part).items() if NUMBERED.match(name)}

steps: Final = Migrations("appliance")
for _name in sorted(STEPS):
    steps(name=_name)(STEPS[_name])


def migrate(database: Database) -> None:
    """Apply what is missing, in one transaction. Raises `StoreError` for a file that a newer appliance has written."""
    if not _missing(database):
        return
    database.execute("BEGIN IMMEDIATE")  # a command and the server may come at the same time
    try:
        if _missing(database):
            steps.apply(database)
        database.commit()
    finally:
        database.rollback()


def applied(database: Database) -> tuple[str, ...]:
    """Names of the steps that a file has behind it, in order."""
    return tuple(step.name for step in steps.applied(database))


def known() -> list[str]:
    """Names of all steps of this appliance, in order."""
    return sorted(STEPS)


def newer(names: Iterable[str]) -> list[str]:
    """Those of these steps that only a newer appliance knows, in order."""
    return sorted(set(names) - set(STEPS))


def _missing(database: Database) -> bool:
    if unknown := newer(applied(database)):
        raise StoreError(f"it was written by a newer appliance ({unknown[-1]}); install that, or restore a backup")
    return bool(steps.pending(database))
