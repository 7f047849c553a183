"""Room: main memory for the models, and disk for what is kept."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

import psutil

from appliance.catalog.faults import CatalogError
from appliance.doctor.check import Check, fault, ok, skipped, warning
from appliance.doctor.child import Unanswered
from appliance.doctor.needs import needs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from appliance.doctor.ground import Ground

MB: Final = 1_000_000
LEAST_MB: Final = 200
"""Of a disk: below this writes fail soon."""
LITTLE_MB: Final = 2_000
LITTLE_SHARE: Final = 0.05


def checks(ground: Ground) -> Iterator[Check]:
    """Memory against the manifests, disks against what is written to them."""
    yield _memory(ground)
    places = {"state": ground.settings.database.parent, "backups": ground.backups}
    if ground.known:
        places["models"] = ground.settings.models_dir
    if ground.provisioned:
        places["releases"] = ground.places.opt
    disks: dict[int, tuple[list[str], Path]] = {}
    for name, path in places.items():
        there = _existing(path)
        disks.setdefault(there.stat().st_dev, ([], there))[0].append(name)
    for (name, *others), path in disks.values():
        writes = bool({"state", "backups"} & {name, *others})
        yield disk(f"disk {name}", path, os.statvfs(path), writes=writes, others=others)
    yield from _backup_room(ground)


def _memory(ground: Ground) -> Check:
    if not ground.known:
        return skipped("memory", "which models are used is in the settings")
    try:
        needed = needs(ground.settings).ram_mb
    except CatalogError:
        return skipped("memory", "which models are used is not known")
    machine = psutil.virtual_memory()
    limit = _limit(ground)
    total, free = min(machine.total, limit or machine.total) // MB, machine.available // MB
    of = "MemoryMax of appliance.service" if limit and limit < machine.total else "the machine"
    seen = f"{free:,} MB free, {total:,} MB are what {of} has; {ground.settings.models.set} needs {needed:,} MB"
    if needed > total:
        return fault("memory", seen, "Choose a smaller set (`appliance models list`), or give it more memory.")
    if needed > free and not _running():
        return warning("memory", seen, "Other programs use it: see `ps aux --sort=-rss | head`.")
    return ok("memory", seen)


def _limit(ground: Ground) -> int | None:
    """Bytes that systemd lets the service have; None where it lets it have all."""
    if not (ground.places.root / "run/systemd/system").is_dir():
        return None
    try:
        out = ground.ask(("systemctl", "show", "-p", "MemoryMax", "appliance.service", "appliance.slice"), 5.0).out
    except Unanswered:
        return None
    return min((int(size) for size in re.findall(r"^MemoryMax=(\d+)$", out, re.MULTILINE)), default=None)


def _running() -> bool:
    """Whether an engine has its memory already."""
    return any("appliance.engines.worker" in (each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"]))


def _existing(path: Path) -> Path:
    """The folder, or the nearest above that there is and that may be seen."""
    path = path.absolute()
    while not os.access(path, os.F_OK):
        path = path.parent
    return path


def disk(name: str, path: Path, figures: os.statvfs_result, *, writes: bool, others: Sequence[str] = ()) -> Check:
    """One disk, by its figures. `writes`: whether the appliance keeps anything on it; `others`: what else is there."""
    free, total = figures.f_bavail * figures.f_frsize, figures.f_blocks * figures.f_frsize
    also = f", also for {', '.join(others)}" if others else ""
    seen = f"{path}: {free // MB:,} of {total // MB:,} MB free{also}"
    do = "Delete what is not needed: old backups, `appliance-release prune`, `appliance models gc`."
    if writes and figures.f_flag & os.ST_RDONLY:
        return fault(name, f"{path}: is mounted read-only", "See `dmesg` for the reason, check the disk, remount it.")
    if free < LEAST_MB * MB:
        return fault(name, seen, do) if writes else warning(name, seen, do)
    if figures.f_files and figures.f_favail < 1000:
        return fault(name, f"{path}: {figures.f_favail} inodes left", "Delete what has very many small files.")
    if free < LITTLE_MB * MB and free < LITTLE_SHARE * total:
        return warning(name, seen, do)
    return ok(name, seen)


def _backup_room(ground: Ground) -> Iterator[Check]:
    """A backup copies the database first, on its own disk."""
    database = ground.settings.database
    try:
        size = database.stat().st_size
        figures = os.statvfs(database.parent)
    except (FileNotFoundError, PermissionError):
        return
    free = figures.f_bavail * figures.f_frsize
    if free < size:
        seen = f"{database.parent}: {free // MB:,} MB free, and a backup copies {size // MB:,} MB there first"
        yield warning("backup room", seen, "Make room, or no backup can be made.")
