"""The backups: whether there are any, how old the newest is, and in a deep look whether it is whole."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from appliance.doctor.check import Check, fault, note, ok, skipped, warning
from appliance.doctor.ground import whoami
from appliance.store.backup import kept
from appliance.store.backup.restoring import verify
from appliance.store.faults import BackupError, Damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.doctor.ground import Ground
    from appliance.store.backup.kept import Kept

LATE: Final = timedelta(hours=36)
"""The timer makes one a day."""
VERY_LATE: Final = timedelta(days=7)
MAKE: Final = "`systemctl start appliance-backup.service`; `systemctl list-timers` says when it would."


def checks(ground: Ground) -> Iterator[Check]:
    """Of the folder that the timer fills, or of the one beside a checkout's database."""
    folder = ground.backups
    above = folder.parent
    if not os.access(above, os.F_OK) and not ground.provisioned:
        yield skipped("backup", "there is nothing yet to back up")
        return
    closed = [each for each in (above, folder) if os.access(each, os.F_OK) and not os.access(each, os.R_OK | os.X_OK)]
    if closed:
        yield skipped("backup", f"{closed[0]}: may not be seen by {whoami()}; ask again as root")
        return
    found = kept.every(folder)
    if not found:
        if ground.provisioned:
            yield warning("backup", f"{folder}: there is none", MAKE)
        else:
            yield note("backup", f"{folder}: there is none", "`appliance backup create`")
        return
    yield _age(ground, found, datetime.now(UTC))
    if ground.deep:
        yield _whole(ground, found[0])


def _age(ground: Ground, found: list[Kept], now: datetime) -> Check:
    newest = found[0]
    age = now - newest.made
    hours = age.total_seconds() / 3600
    span = f"{age.days} days" if age.days >= 2 else f"{max(hours, 0):.0f} hours"
    how = "encrypted" if newest.encrypted else "not encrypted"
    seen = f"the newest of {len(found)} is {span} old, {how}, {newest.bytes / 1e6:,.1f} MB: {newest.path.name}"
    if not ground.provisioned:
        return ok("backup", seen)
    if age > VERY_LATE:
        return fault("backup", seen, MAKE)
    if age > LATE:
        return warning("backup", seen, MAKE)
    return ok("backup", seen)


def _whole(ground: Ground, newest: Kept) -> Check:
    name = "backup verified"
    if newest.encrypted:
        return skipped(name, f"{newest.path.name} is encrypted: `appliance backup verify FILE --identity KEYFILE`")
    try:
        manifest = verify(newest.path, ground.settings.database.parent, _Silent())
    except Damaged as error:
        return fault(name, f"{newest.path}: {error}", "Make another one, and look at the disk: `dmesg`.")
    except BackupError as error:
        return warning(name, f"{newest.path}: {error}", "Verify it elsewhere: `appliance backup verify FILE`.")
    return ok(name, f"{newest.path.name}: whole, {len(manifest.files)} file(s), of appliance {manifest.appliance}")


class _Silent:
    """Nobody watches."""

    def say(self, text: str) -> None:
        """Of no interest here."""

    def progress(self, what: str, done: int, total: int | None) -> None:
        """Of no interest here."""
