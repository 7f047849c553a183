"""The door for Home Assistant, where it is open: whether the settings let anybody in, and what its key is good for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from appliance.doctor.check import Check, fault, note, ok, skipped, warning
from appliance.settings import SettingsError
from appliance.store import inspection
from appliance.store.database import now_ms
from appliance.store.keys import key_of
from appliance.wyoming.admission import allowed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.doctor.ground import Ground
    from appliance.store.keys import Key

SECONDS: Final = 5.0
NEEDED: Final = {"audio": "listen or speak", "voice": "answer"}
"""Scopes, and what the door cannot do without them."""
MAKE: Final = "`appliance keys create home --scope audio --scope voice` makes one; set wyoming.key to its id."


def checks(ground: Ground) -> Iterator[Check]:
    """By the settings and the database; nobody is called."""
    if not (ground.known and ground.settings.wyoming.enabled):
        return
    try:
        allowed(ground.settings)
    except SettingsError as error:
        yield fault("wyoming", str(error), "Mend that; the box does not start so.")
        return
    if wanted := ground.settings.wyoming.key:
        yield _look(ground.settings.database, wanted)
    else:
        yield note("wyoming key", "this box wants no keys: whoever is on this machine may ask")


def _look(database: Path, wanted: str) -> Check:
    try:
        key = _key(database, wanted)
    except sqlite3.Error:
        return skipped("wyoming key", "the database cannot be read; see what is said of it")
    if key is None:
        return fault("wyoming key", f"there is no key {wanted}", f"`appliance keys list` has their ids. {MAKE}")
    if (state := key.state(now_ms())) != "active":
        return fault("wyoming key", f"{key.id} of {key.user} is {state}, so nothing is done for anybody", MAKE)
    lacking = [scope for scope in NEEDED if key.scopes and scope not in key.scopes]
    if lacking:
        what = " and cannot ".join(NEEDED[scope] for scope in lacking)
        seen = f"{key.id} of {key.user} has no scope {' and no scope '.join(lacking)}: the door cannot {what}"
        return warning("wyoming key", seen, MAKE)
    return ok("wyoming key", f"{key.id} of {key.user}: active")


def _key(database: Path, wanted: str) -> Key | None:
    with closing(inspection.opened(database, SECONDS)) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute("SELECT * FROM keys WHERE id = ?", [wanted]).fetchone()
    return key_of(dict(row)) if row else None
