"""Where the box keeps its files, and how large they are: a stat of each file, no file is opened."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from appliance.metrics.families import Family

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from prometheus_client.core import Metric

FREE: Final = Family("gauge", "appliance_disk_free_bytes", "Room that is left on the disk of a folder.", ("place",))
SIZE: Final = Family("gauge", "appliance_disk_size_bytes", "Size of the disk of a folder.", ("place",))
DISKS: Final = (FREE, SIZE)

STORE: Final = Family("gauge", "appliance_store_bytes", "Size of the database and its write-ahead log.", ("file",))
CACHES: Final = Family("gauge", "appliance_cache_bytes", "Size of a cache on disk.", ("purpose",))
STATES: Final = Family("gauge", "appliance_llm_states_bytes", "Size of conversations' states on disk.")
FILES: Final = (STORE, CACHES, STATES)


def disks(places: Mapping[str, Path]) -> Iterator[Metric]:
    """Of the disks that the places are on, each by the first of its places. One that is not there yet is left out."""
    found: dict[int, tuple[str, shutil._ntuple_diskusage]] = {}
    for place, path in places.items():
        with suppress(FileNotFoundError):
            device = path.stat().st_dev
            if device not in found:
                found[device] = place, shutil.disk_usage(path)
    yield FREE.each([((place,), usage.free) for place, usage in found.values()])
    yield SIZE.each([((place,), usage.total) for place, usage in found.values()])


def files(database: Path, caches: Mapping[str, Path], states: Path | None) -> Iterator[Metric]:
    """Of the database, of caches by purpose, and of the language model's states."""
    log = database.with_name(f"{database.name}-wal")
    sizes = {"database": _size(database), "log": _size(log)}
    yield STORE.each([((name,), size) for name, size in sizes.items() if size is not None])
    yield CACHES.each([((purpose,), _inside(folder)) for purpose, folder in caches.items()])
    if states is not None:
        yield STATES.of(_inside(states))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _inside(folder: Path) -> int:
    """Bytes of all files below a folder; what goes meanwhile counts as gone."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - thousands of them
    return total
