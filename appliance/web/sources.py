"""What of a box is looked at when somebody asks for its figures."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from appliance.engines import shown
from appliance.metrics import gpu, machine, places, processes
from appliance.metrics.families import Family
from appliance.web.scrape import Asked, Probed, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from prometheus_client.core import Metric

    from appliance.settings import Settings
    from appliance.store.documents import Documents
    from appliance.web.scrape import Source

WAITING = Family("gauge", "appliance_documents_waiting", "Documents that are not read yet.")


def sources(settings: Settings, health: Callable[[], Mapping[str, Any]], documents: Documents) -> list[Source]:
    """`health` gives each stage's status by role."""
    caches = settings.state_dir / "cache"
    kept = {"speech": settings.cache.speech_mb, "transcripts": settings.cache.transcripts_mb}
    folders = {purpose: caches / purpose for purpose, megabytes in kept.items() if megabytes}
    states = caches / "llm" if settings.llm.cache_mb else None
    disks = {"state": settings.database.parent, "models": settings.models_dir, "cache": caches}

    def pids() -> dict[str, int]:
        workers = {role: status.pid for role, status in health().items()}
        return {"server": os.getpid(), **{role: pid for role, pid in workers.items() if pid is not None}}

    async def waiting() -> Iterable[Metric]:
        return [WAITING.of(await documents.waiting())]

    return [
        Seen("workers", shown.FAMILIES, lambda: shown.shown(status.figures for status in health().values())),
        Probed("processes", processes.FAMILIES, processes.Processes(pids).look),
        Probed("host", machine.FAMILIES, machine.look),
        Probed("gpu", gpu.FAMILIES, gpu.Gpu().look),
        Probed("disks", places.DISKS, lambda: places.disks(disks)),
        Probed("files", places.FILES, lambda: places.files(settings.database, folders, states)),
        Asked("documents", (WAITING,), waiting),
    ]
