"""`/v1/admin/status`: what the box and its machine do now, on one page."""

from __future__ import annotations

import time
from typing import Final, Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency

from appliance import __version__
from appliance.engines import shown
from appliance.metrics import gpu, machine, places, processes
from appliance.web.admin.figures import Figures
from appliance.web.box import Box
from appliance.web.health import StageBody, readiness
from appliance.web.identity.guard import NEEDS
from appliance.web.self_tests import SelfTest
from appliance.web.sources import WAITING

SHARED_SECONDS: Final = 2.0
"""So old what somebody has found may be: pages that are left open ask every few seconds, each for itself."""


class StageNow(StageBody, frozen=True, kw_only=True):
    """One stage. `waiting`: jobs that its engine has not begun, where the engine tells."""

    waiting: int | None


class LoadNow(msgspec.Struct, frozen=True, kw_only=True):
    """`cpu_share` of all cores, 0 to 1, over the last `cpu_seconds`: since this was asked before."""

    cores: int
    cpu_share: float | None
    cpu_seconds: float | None
    load_average: list[float]
    """Of 1, 5 and 15 minutes."""


class MemoryNow(msgspec.Struct, frozen=True, kw_only=True):
    """Of the machine. `available_bytes` can be had without swapping."""

    total_bytes: int
    available_bytes: int
    swap_total_bytes: int
    swap_used_bytes: int


class DiskNow(msgspec.Struct, frozen=True, kw_only=True):
    """The disk of a folder, named by the first purpose that it has."""

    purpose: str
    total_bytes: int
    free_bytes: int


class ProcessNow(msgspec.Struct, frozen=True, kw_only=True):
    """The server, or a worker by its stage. `resident_bytes` has pages that several share in each."""

    name: str
    resident_bytes: int
    cpu_seconds: float | None
    started_at: float | None
    """Seconds since the epoch."""


class GpuNow(msgspec.Struct, frozen=True, kw_only=True):
    """A graphics card; null is what it does not answer."""

    gpu: str
    """Its number."""
    name: str
    driver: str
    utilisation: float | None
    """Share of the last moment, 0 to 1."""
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    temperature_celsius: float | None


class SpeakingNow(msgspec.Struct, frozen=True, kw_only=True):
    """Live conversations and spoken turns under way; there may be `most` of both together."""

    live: int
    turns: int
    most: int


class StatusNow(msgspec.Struct, frozen=True, kw_only=True):
    """All of it at `at` (seconds since the epoch), or up to two seconds before.

    Null is what could not be looked at; `unseen` names the sources.
    """

    version: str
    at: float
    uptime_seconds: float | None
    status: Literal["ready", "not_ready"]
    stages: dict[str, StageNow]
    spoken: SelfTest | None
    """The last spoken self-test that was reported; null if there was none since the start."""
    speaking: SpeakingNow
    documents_waiting: int | None
    load: LoadNow | None
    memory: MemoryNow | None
    disks: list[DiskNow] | None
    processes: list[ProcessNow] | None
    gpus: list[GpuNow] | None
    unseen: list[str]
    object: Literal["status"] = "status"


@get("/v1/admin/status", opt={NEEDS: "admin"}, summary="What the box does now")
async def get_status(box: NamedDependency[Box]) -> StatusNow:
    """Stages, machine, processes, cards, who speaks: what `/metrics` looks at, of the last two seconds."""
    await box.scrape.look(SHARED_SECONDS)
    figures, unseen, now = Figures(box.scrape.collect()), box.scrape.missing, time.time()
    ready = readiness(box)
    started = figures.of(processes.STARTED, process="server")
    kinds = [speaker.kind for speaker in box.lines.speakers]
    return StatusNow(
        version=__version__,
        at=round(now, 3),
        uptime_seconds=None if started is None else round(max(0.0, now - started), 1),
        status=ready.status,
        stages={role: _stage(role, stage, figures) for role, stage in ready.stages.items()},
        spoken=ready.spoken,
        speaking=SpeakingNow(live=kinds.count("live"), turns=kinds.count("turn"), most=box.lines.most),
        documents_waiting=_whole(figures.of(WAITING)),
        load=None if "host" in unseen else _load(box, figures),
        memory=None if "host" in unseen else _memory(figures),
        disks=None if "disks" in unseen else _disks(figures),
        processes=None if "processes" in unseen else _processes(figures),
        gpus=None if "gpu" in unseen else _gpus(figures),
        unseen=unseen,
    )


def _stage(role: str, stage: StageBody, figures: Figures) -> StageNow:
    waiting = _whole(figures.of(shown.WAITING)) if role == "llm" else None
    return StageNow(**msgspec.structs.asdict(stage), waiting=waiting)


def _load(box: Box, figures: Figures) -> LoadNow:
    cores = figures.of(machine.CORES) or 1.0
    share = box.cores.share(figures.by(machine.CPU, "mode"), cores)
    return LoadNow(
        cores=int(cores),
        cpu_share=None if share is None else round(share.busy, 4),
        cpu_seconds=None if share is None else round(share.seconds, 2),
        load_average=[round(each, 2) for each in figures.by(machine.LOAD, "minutes").values()],
    )


def _memory(figures: Figures) -> MemoryNow:
    memory, swap = figures.by(machine.MEMORY, "kind"), figures.by(machine.SWAP, "kind")
    return MemoryNow(
        total_bytes=int(memory["total"]), available_bytes=int(memory["available"]),
        swap_total_bytes=int(swap["total"]), swap_used_bytes=int(swap["used"]),
    )  # fmt: skip


def _disks(figures: Figures) -> list[DiskNow]:
    free = figures.by(places.FREE, "place")
    return [
        DiskNow(purpose=place, total_bytes=int(size), free_bytes=int(free[place]))
        for place, size in figures.by(places.SIZE, "place").items()
    ]


def _processes(figures: Figures) -> list[ProcessNow]:
    return [
        ProcessNow(
            name=name, resident_bytes=int(resident), cpu_seconds=figures.of(processes.CPU, process=name),
            started_at=figures.of(processes.STARTED, process=name),
        )
        for name, resident in figures.by(processes.RESIDENT, "process").items()
    ]  # fmt: skip


def _gpus(figures: Figures) -> list[GpuNow]:
    return [
        GpuNow(
            gpu=card["gpu"], name=card["name"], driver=card["driver"],
            utilisation=figures.of(gpu.UTILISATION, gpu=card["gpu"]),
            memory_used_bytes=_whole(figures.of(gpu.MEMORY, gpu=card["gpu"], kind="used")),
            memory_total_bytes=_whole(figures.of(gpu.MEMORY, gpu=card["gpu"], kind="total")),
            temperature_celsius=figures.of(gpu.TEMPERATURE, gpu=card["gpu"]),
        )
        for card in figures.facts(gpu.CARD)
    ]  # fmt: skip


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
