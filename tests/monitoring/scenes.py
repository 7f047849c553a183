"""What each alert is for: figures, and when it fires with them. Values are in promtool's notation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

BOX: Final = 'box="cupboard", instance="i"'
STATE: Final = f'{{{BOX}, place="state"}}'
WAITED: Final = "appliance_voice_to_voice_seconds"
SLOWLY: Final = "0x3 1x3 2x3 3x3 4x3 5x3 6x40"
"""Every four hours once more, six times."""
SELDOM: Final = "0x99 1 2 3 4 5 6x400"
"""Six times, after a hundred units of time."""
BACKUP: Final = f'{{{BOX}, name="appliance-backup.timer"}}'


@dataclass(frozen=True, slots=True)
class Scene:
    """Moments are in units of `every`. An alert that never fires in a scene is one that should not."""

    alert: str
    series: Mapping[str, str]
    quiet: tuple[int, ...]
    fires: tuple[int, ...] = field(default=())
    every: str = "m"


def waited(slow: str, fast: str = "0x60") -> dict[str, str]:
    """So many turns of three seconds, and so many of half a second."""
    return {
        f'{WAITED}_bucket{{{BOX}, le="0.5"}}': fast,
        f'{WAITED}_bucket{{{BOX}, le="2.0"}}': fast,
        f'{WAITED}_bucket{{{BOX}, le="3.0"}}': slow,
        f'{WAITED}_bucket{{{BOX}, le="+Inf"}}': slow,
        f"{WAITED}_count{{{BOX}}}": slow,
    }


def turns(**outcomes: str) -> dict[str, str]:
    """Live ones, by how they ended."""
    return {f'appliance_turns_total{{{BOX}, door="realtime", outcome="{how}"}}': of for how, of in outcomes.items()}


def asked(code: str, errors: str, requests: str, route: str = "/v1/voice/turns") -> dict[str, str]:
    """Errors with a code, and requests."""
    return {
        f'appliance_errors_total{{{BOX}, code="{code}"}}': errors,
        f'appliance_http_requests_total{{{BOX}, route="{route}", status="200"}}': requests,
    }


def disk(free: str, size: str) -> dict[str, str]:
    """As the appliance sees it."""
    return {f"appliance_disk_free_bytes{STATE}": free, f"appliance_disk_size_bytes{STATE}": size}


def mounted(at: str, fstype: str = "ext4") -> dict[str, str]:
    """Nearly full, as node exporter sees it."""
    labels = f'{{{BOX}, mountpoint="{at}", fstype="{fstype}"}}'
    return {f"node_filesystem_avail_bytes{labels}": "5e8x10", f"node_filesystem_size_bytes{labels}": "1e10x10"}


def unit(name: str, values: str, state: str = "failed") -> dict[str, str]:
    """As node exporter sees it."""
    return {f'node_systemd_unit_state{{{BOX}, name="{name}", state="{state}"}}': values}


def restarts(values: str) -> dict[str, str]:
    """Of the service, by systemd."""
    return {f'node_systemd_service_restart_total{{{BOX}, name="appliance.service"}}': values}


def clock(synchronised: str, offset: str) -> dict[str, str]:
    """As the kernel has it."""
    return {f"node_timex_sync_status{{{BOX}}}": synchronised, f"node_timex_offset_seconds{{{BOX}}}": offset}


def gpu(figure: str, values: str, labels: str = "") -> dict[str, str]:
    """One figure of the first card."""
    return {f'appliance_gpu_{figure}{{{BOX}, gpu="0"{labels}}}': values}


def cards(up: str, *there: str) -> dict[str, str]:
    """Whether their box answers, and whether each is there."""
    shown = {f'appliance_gpu_info{{{BOX}, gpu="{number}"}}': values for number, values in enumerate(there)}
    return {f'up{{job="appliance", {BOX}}}': up} | shown


def collected(collector: str, values: str) -> dict[str, str]:
    """Whether one of node exporter's was able to."""
    return {f'node_scrape_collector_success{{{BOX}, collector="{collector}"}}': values}


def gpu_memory(used: str) -> dict[str, str]:
    """Of a hundred."""
    return gpu("memory_bytes", used, ', kind="used"') | gpu("memory_bytes", "100x20", ', kind="total"')


SCENES: Final = (
    Scene("ApplianceDown", {f'up{{job="appliance", {BOX}}}': "1x4 0x10 1x5"}, (7, 16), (8, 15)),
    Scene("ApplianceDown", {f'up{{job="node", {BOX}}}': "0x20"}, (10,)),
    Scene("ProxyDown", unit("caddy.service", "1x4 0x10 1x5", "active"), (7, 16), (8, 15)),
    Scene("ProxyDown", unit("appliance.socket", "0x10", "active"), (2,), (3,)),
    Scene("ProxyDown", unit("nftables.service", "0x10", "active"), (2,), (3,)),
    Scene("ProxyDown", unit("appliance-backup.service", "0x10", "active"), (5,)),
    Scene("StageNotReady", {f'appliance_stage_ready{{{BOX}, stage="llm"}}': "1x4 0x10 1x5"}, (9, 16), (10, 15)),
    Scene(
        "WorkersRestarting",
        {f'appliance_worker_restarts_total{{{BOX}, stage="llm"}}': "0x9 1 2 3x60"},
        (11, 50),
        (12, 30),
    ),
    Scene(
        "WorkersRestarting",
        {f'appliance_worker_restarts_total{{{BOX}, stage="llm"}}': SLOWLY},
        (21, 46),
        (24, 25),
        "h",
    ),
    Scene("ServiceCrashing", restarts("0x9 1 2 3x4 4x60"), (15, 50), (17, 35)),
    Scene("ServiceRestarting", restarts("0x9 1x4 2x80"), (14, 80), (15, 60)),
    Scene("ServiceRestarting", restarts(SLOWLY), (13, 46), (16, 24), "h"),
    Scene("SlowTurns", waited("0+1x60"), (10,), (20, 50)),
    Scene("SlowTurns", waited("0+20x60", "0+20x60"), (20, 50)),
    Scene("SlowTurns", waited("0x5 1x60"), (18,)),  # one turn is chance
    Scene("SlowTurns", waited("0x5 3x60", "0x5 2x60"), (18,)),  # among three, too
    Scene("TurnsGivenUp", turns(completed="0+10x60", abandoned="0+5x20 100x40"), (1, 45), (5, 20)),
    Scene("TurnsGivenUp", turns(completed="0+10x60", failed="0+5x60"), (1,), (5, 45)),
    Scene("TurnsGivenUp", turns(completed="0+10x60", failed="0+1x60", abandoned="0+1x60"), (20, 45)),
    Scene("TurnsGivenUp", turns(completed="0+1x60", interrupted="0+9x60"), (20, 45)),
    Scene("TurnsGivenUp", turns(completed="0x60", abandoned="0x5 5x60"), (20,)),
    Scene("ManyErrors", asked("engine_down", "0+1x20 20x20", "0+10x40"), (5, 40), (9, 20)),
    Scene("ManyErrors", asked("engine_down", "0+1x40", "0+1000x40"), (9, 20)),
    Scene("ManyErrors", asked("engine_down", "0x5 1x40", "0+2x40"), (12,)),  # so is one error
    Scene("ManyErrors", asked("invalid_value", "0+1x40", "0+10x40"), (9, 20)),
    Scene("ManyErrors", asked("overloaded", "0+1x40", "0+10x40"), (9, 20)),
    Scene(
        "ManyErrors",
        asked("engine_down", "0+1x40", "0+10x40", "/health/ready")
        | {f'appliance_turns_total{{{BOX}, door="realtime", outcome="failed"}}': "0+1x40"},
        (5,),
        (9,),
    ),
    Scene(
        "ManyErrors",
        asked("engine_down", "0+1x40", "0+10x40") | asked("engine_down", "0+1x40", "0+9999x40", "unmatched"),
        (5,),
        (9, 20),
    ),
    Scene("ErrorsAboveGoal", asked("engine_down", SELDOM, "0+10x500"), (99, 104, 470), (110, 400)),
    Scene("ErrorsAboveGoal", asked("engine_down", SELDOM, "0+100x500"), (110, 400)),
    Scene("ErrorsAboveGoal", asked("invalid_value", SELDOM, "0+10x500"), (110, 400)),
    Scene("Refusing", asked("overloaded", "0+3x20 60x30", "0+9x50"), (6, 40), (12, 20)),
    Scene("Refusing", asked("overloaded", "0x5 5x40", "0+9x50"), (12,)),
    Scene("SpokenTestFailing", {f"appliance_spoken_probe_failures{{{BOX}}}": "0x3 1 2x5 0x5"}, (4, 12), (5, 10)),
    Scene(
        "SpokenTestMissing",
        {f"appliance_spoken_probe_timestamp_seconds{{{BOX}}}": "100x5 400x5 700x50 9000x9"},
        (31, 64),
        (40, 62),
    ),
    Scene("SpokenTestMissing", {f"appliance_spoken_probe_timestamp_seconds{{{BOX}}}": "_x30 0x18"}, (45,)),
    Scene("KeysGuessed", {f"appliance_auth_failures_total{{{BOX}}}": "0+10x10 100x30"}, (3, 25), (8,)),
    Scene(
        "WritesFailing",
        {f'appliance_store_writes_failed_total{{{BOX}, code="storage_full"}}': "0x5 1x30"},
        (6, 18),
        (7, 15),
    ),
    Scene("WritesWaiting", {f"appliance_store_writes_waiting{{{BOX}}}": "0x3 200x5 0x5"}, (5, 10), (6, 9)),
    Scene("DiskLow", disk("5e8x10 5e9x5", "1e10x20"), (0, 11), (1, 10)),
    Scene("DiskLow", disk("5e8x10", "1e9x10"), (8,)),
    Scene("DiskLow", disk("5e9x10", "1e12x10"), (8,)),
    Scene("DiskLow", mounted("/"), (0,), (1,)),
    Scene("DiskLow", mounted("/mnt/backups"), (0,), (1,)),
    Scene("DiskLow", mounted("/boot"), (8,)),
    Scene("DiskLow", mounted("/mnt/cdrom", "iso9660"), (8,)),
    Scene("DiskFilling", disk("5e9-1e7x100", "1e10x100"), (30,), (65, 90)),
    Scene("DiskFilling", disk("40e9-1e7x100", "100e9x100"), (65, 90)),
    Scene("DiskFilling", disk("9e9-1e7x100", "10e9x100"), (65, 90)),
    Scene(
        "CachesFailing", {f'appliance_cache_faults_total{{{BOX}, purpose="speech"}}': "0x5 1 2 3x80"}, (7, 75), (8, 60)
    ),
    Scene("BackupFailed", unit("appliance-backup.service", "0x2 1x10 0x5"), (7, 14), (8, 13)),
    Scene("BackupFailed", unit("appliance-backup.service", "1x20", "active"), (10,)),
    Scene(
        "BackupStale", {f"node_systemd_timer_last_trigger_seconds{BACKUP}": "3600x60 216000x9"}, (49, 62), (51,), "h"
    ),
    Scene(
        "BackupStale",
        {
            f"node_systemd_timer_last_trigger_seconds{BACKUP}": "0x60",
            f"node_boot_time_seconds{{{BOX}}}": "0x60",
        },
        (40, 48),
        (51,),
        "h",
    ),
    Scene("BackupStale", {f"node_boot_time_seconds{{{BOX}}}": "0x60"}, (0,), (1, 40), "h"),
    Scene(
        "MemoryShort",
        {
            f"node_memory_MemAvailable_bytes{{{BOX}}}": "1e8x14 1e9x5",
            f"node_memory_MemTotal_bytes{{{BOX}}}": "1e10x20",
        },
        (9, 15),
        (10, 14),
    ),
    Scene("KilledForMemory", {f"node_vmstat_oom_kill{{{BOX}}}": "0x5 1x30"}, (5, 22), (6, 20)),
    Scene("UnitFailed", unit("appliance-verify.service", "0x2 1x10 0x5"), (7, 14), (8, 13)),
    Scene("UnitFailed", unit("caddy.service", "1x20"), (10,)),
    Scene("UnitFailed", unit("appliance.socket", "1x20"), (10,)),
    Scene("UnitFailed", unit("appliance-backup.service", "1x20"), (10,)),
    Scene("UnitFailed", unit("appliance-synthetic.service", "1x20"), (10,)),
    Scene("ClockOff", clock("0x40 1x5", "0x45"), (29, 41), (30, 40)),
    Scene("ClockOff", clock("1x45", "-0.6x45"), (29,), (30,)),
    Scene("ClockOff", clock("1x45", "0.1x45"), (40,)),
    Scene("GpuHot", gpu("temperature_celsius", "90x14 80x20"), (9, 30), (10, 24)),
    Scene("GpuHot", gpu("temperature_celsius", "90x2 80 _x2 " * 8), (9,), (20, 30)),
    Scene("GpuHot", gpu("temperature_celsius", "80x9 90 " * 4), (10, 20, 30)),
    Scene("GpuThrottled", gpu("throttled", "1x9 0x20", ', reason="thermal"'), (4, 24), (5, 18)),
    Scene("GpuThrottled", gpu("throttled", "1 0x2 _ " * 10, ', reason="thermal"'), (4,), (10, 30)),
    Scene("GpuThrottled", gpu("throttled", "0x8 1 " * 4, ', reason="thermal"'), (10, 20, 30)),
    Scene("GpuThrottled", gpu("throttled", "1x9", ', reason="hardware"'), (4,), (5,)),
    Scene("GpuThrottled", gpu("throttled", "1x20", ', reason="power"'), (10,)),
    Scene("GpuMemoryFull", gpu_memory("99x14 50x5"), (9, 15), (10, 14)),
    Scene("GpuErrors", gpu("uncorrected_errors_total", "0x5 1x70"), (5, 68), (6, 60)),
    Scene("TargetDown", {f'up{{job="node", {BOX}}}': "0x9 1x5"}, (4, 10), (5, 9)),
    Scene("TargetDown", {f'up{{job="appliance", {BOX}}}': "0x20"}, (10,)),
    Scene(
        "FiguresMissing",
        {f'appliance_scrape_failures_total{{{BOX}, source="disks"}}': "0+1x20 20x20"},
        (5, 36),
        (12, 25),
    ),
    Scene("FiguresMissing", {f'appliance_scrape_failures_total{{{BOX}, source="disks"}}': "0x5 5x20"}, (15,)),
    Scene("FiguresMissing", collected("systemd", "0x9 1x5"), (4, 10), (5, 9)),
    Scene("FiguresMissing", collected("nvme", "0x20"), (10,)),
    Scene("FiguresMissing", cards("1x80", "1x80", "1x9 stale"), (9, 14), (16, 80)),
    Scene("FiguresMissing", cards("1x9 0x20", "1x9 stale"), (20,)),  # a box that is off shows no cards
    Scene("PrometheusFailing", {"prometheus_config_last_reload_successful": "0x9 1x5"}, (4, 10), (5, 9)),
    Scene("PrometheusFailing", {"prometheus_rule_evaluation_failures_total": "0+1x20 20x20"}, (5, 36), (8, 25)),
    Scene("PrometheusFailing", {"prometheus_notifications_dropped_total": "0+1x20 20x20"}, (5, 36), (8, 25)),
    Scene(
        "AlertsNotSent",
        {f'alertmanager_notifications_failed_total{{{BOX}, integration="email"}}': "0x5 1x30"},
        (5, 22),
        (6, 19),
    ),
)
