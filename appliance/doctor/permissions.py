"""Who may read and write what: the state and its keys are the appliance's alone, and its own program is not."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from typing import TYPE_CHECKING, Final

from appliance.doctor.check import Check, fault, note, ok, skipped, warning
from appliance.doctor.ground import USER, name_of, whoami

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.doctor.ground import Ground

MOST_FILES: Final = 300_000
OTHERS: Final = stat.S_IRWXO
GROUP: Final = stat.S_IRWXG


def checks(ground: Ground) -> Iterator[Check]:
    """By mode and owner; nothing is opened."""
    user = _uid()
    state = ground.settings.database.parent
    owner = user if ground.provisioned else None
    yield _private("state mode", state, owner, must=ground.provisioned)
    yield from _files(ground, owner)
    if ground.config is not None:
        yield _settings(ground.config, must=ground.provisioned)
    if ground.key_file is not None and ground.key_file.exists():
        yield _private("key file mode", ground.key_file, None, must=True)
    if not ground.provisioned:
        yield skipped("program owner", "this is no release: a checkout belongs to whoever works on it")
        return
    if os.access(ground.backups, os.F_OK):
        yield _private("backups mode", ground.backups, user, must=True)
    yield _private("credentials mode", ground.places.credentials, 0, must=True)
    if user is None:
        yield fault("user", f"there is no user {USER}", "`systemd-sysusers`, or activate the release again.")
    else:
        yield program(ground.places.opt, user, _gid())


def _uid() -> int | None:
    try:
        return pwd.getpwnam(USER).pw_uid
    except KeyError:
        return None


def _gid() -> int | None:
    try:
        return grp.getgrnam(USER).gr_gid
    except KeyError:
        return None


def _private(name: str, path: Path, owner: int | None, *, must: bool) -> Check:
    """A file or folder that is its owner's alone. Where it need not be, a wider mode is a note."""
    try:
        found = path.stat()
    except FileNotFoundError:
        if must:
            return warning(name, f"{path}: is not there", "Activate the release again, or run the playbook.")
        return note(name, f"{path}: is not there yet")
    except PermissionError:
        return skipped(name, f"{path}: may not be seen by {whoami()}")
    bits = stat.S_IMODE(found.st_mode)
    if bits & (GROUP | OTHERS):
        seen = f"{path}: has mode {bits:04o}, so others than its owner may look in"
        do = f"`chmod go= {path}`"
        return fault(name, seen, do) if must else note(name, seen, do)
    if owner is not None and found.st_uid != owner:
        do = f"`chown -R {name_of(owner)}: {path if path.is_dir() else path.parent}`"
        return fault(name, f"{path}: belongs to {name_of(found.st_uid)}, not to {name_of(owner)}", do)
    return ok(name, f"{path}: {bits:04o}, of {name_of(found.st_uid)}")


def _files(ground: Ground, owner: int | None) -> Iterator[Check]:
    """The database and the first key, where they can be seen."""
    database, folder = ground.settings.database, ground.settings.database.parent
    if not os.access(folder, os.X_OK):
        if os.access(folder, os.F_OK):
            yield skipped("state files", f"{folder}: may not be looked into by {whoami()}")
        return
    names = (database.name, f"{database.name}-wal", f"{database.name}-shm", "admin.key")
    there = [folder / name for name in names if (folder / name).exists()]
    found = [_private("state files", path, owner, must=True) for path in there]
    if wrong := [check for check in found if check.outcome != "ok"]:
        yield Check("state files", wrong[0].outcome, "; ".join(check.seen for check in wrong), wrong[0].do)
    elif database.exists():
        yield ok("state files", f"{database.name} and what is beside it: its owner's alone")


def _settings(config: Path, *, must: bool) -> Check:
    """The appliance's group reads it, root alone writes it."""
    try:
        found = config.stat()
    except FileNotFoundError:
        return note("settings mode", f"{config}: is not there")
    except PermissionError:
        return skipped("settings mode", f"{config}: may not be seen by {whoami()}")
    bits, do = stat.S_IMODE(found.st_mode), f"`chmod 0640 {config}`"
    if bits & (stat.S_IWOTH | stat.S_IWGRP):
        seen = f"{config}: has mode {bits:04o}, so others than its owner may change it"
        return fault("settings mode", seen, do) if must else note("settings mode", seen, do)
    if bits & stat.S_IROTH:
        seen = f"{config}: has mode {bits:04o}, so everybody may read it"
        return warning("settings mode", seen, do) if must else note("settings mode", seen, do)
    return ok("settings mode", f"{config}: {bits:04o}, of {name_of(found.st_uid)}")


def _changeable(found: os.stat_result, user: int, group: int | None) -> str:
    """How the appliance could change a file; empty if it could not."""
    if found.st_uid == user:
        return f"belongs to {name_of(user)}"
    if stat.S_ISLNK(found.st_mode):  # its mode says nothing
        return ""
    if found.st_mode & stat.S_IWOTH:
        return "may be changed by everybody"
    return "may be changed by the appliance's group" if found.st_gid == group and found.st_mode & stat.S_IWGRP else ""


def program(opt: Path, user: int, group: int | None = None, most: int = MOST_FILES) -> Check:
    """A program that can change itself can be made to stay changed: none of it may be the appliance's own."""
    seen, folders = 0, [opt]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    seen += 1
                    found = entry.stat(follow_symlinks=False)
                    if how := _changeable(found, user, group):
                        do = f"`chown -R root: {opt} && chmod -R go-w {opt}`, and ask who changed it."
                        return fault("program owner", f"{entry.path}: {how}", do)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(folder / entry.name)
        except PermissionError:
            return skipped("program owner", f"{folder}: may not be seen by {whoami()}")
        if seen > most:
            return note("program owner", f"{opt}: the first {seen:,} files are not the appliance's; the rest not seen")
    return ok("program owner", f"{opt}: {seen:,} files, none of them the appliance's own")
