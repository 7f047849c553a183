"""What is looked at when somebody asks: sources that fail, hang, are asked twice; the machine; cards."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import anyio
import psutil
import pytest

from appliance.metrics import SCRAPE_FAILURES, machine, places
from appliance.metrics.families import Family
from appliance.metrics.gpu import FAMILIES, Gpu
from appliance.metrics.processes import Processes
from appliance.web.scrape import Asked, Probed, Scrape, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from prometheus_client.core import Metric

PATIENCE_SECONDS = 30
WELL = Family("gauge", "appliance_well", "Works.")


def well() -> Iterable[Metric]:
    return [WELL.of(7)]


def failures(source: str) -> float:
    return float(SCRAPE_FAILURES.labels(source)._value.get())


def values(found: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    """By name, without the prefix, and the labels' values."""
    return {
        (sample.name.removeprefix("appliance_"), *sample.labels.values()): sample.value
        for metric in found
        for sample in metric.samples
    }


async def test_a_source_that_fails_takes_no_other_with_it() -> None:
    def broken() -> Iterable[Metric]:
        raise OSError("gone")

    async def never() -> Iterable[Metric]:
        await anyio.sleep_forever()
        return ()

    scrape = Scrape([Probed("broken", (), broken), Asked("never", (), never), Seen("well", (WELL,), well)], 0.05)
    before = {name: failures(name) for name in ("broken", "never", "well")}
    page = (await scrape.page()).decode()
    assert "appliance_well 7.0" in page
    assert "appliance_build_info" in page
    assert {name: failures(name) - before[name] for name in before} == {"broken": 1, "never": 1, "well": 0}


async def test_a_source_that_hangs_costs_one_thread() -> None:
    hung, free, looks = threading.Event(), threading.Event(), []

    def hangs() -> Iterable[Metric]:
        looks.append(threading.current_thread())
        hung.set()
        free.wait(PATIENCE_SECONDS)
        return [WELL.of(1)]

    source = Probed("hangs", (WELL,), hangs)
    scrape = Scrape([source], 0.05)
    for _ in range(3):
        assert b"appliance_well" not in await scrape.page()
    assert len(looks) == 1
    free.set()
    with anyio.fail_after(PATIENCE_SECONDS):
        while source._one.locked():  # noqa: ASYNC110 - a thread tells nobody
            await anyio.sleep(0.01)
    await scrape.look()
    assert [*values(scrape.collect())] == [("well",)]


async def test_a_look_that_was_given_up_before_its_thread_began_is_none() -> None:
    source = Probed("early", (WELL,), well)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await source.look()
    assert scope.cancelled_caught
    assert values(await source.look()) == {("well",): 7}


async def test_two_who_ask_share_a_look() -> None:
    asked, free = anyio.Event(), anyio.Event()
    looks: list[int] = []

    async def slow() -> Iterable[Metric]:
        looks.append(len(looks))
        asked.set()
        await free.wait()
        return [WELL.of(len(looks))]

    scrape, pages = Scrape([Asked("slow", (WELL,), slow)], PATIENCE_SECONDS), []

    async def ask() -> None:
        pages.append(await scrape.page())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await asked.wait()
        tasks.start_soon(ask)
        await anyio.lowlevel.checkpoint()
        free.set()
    assert looks == [0]
    assert [b"appliance_well 1.0" in page for page in pages] == [True, True]


async def test_who_asks_and_leaves_holds_up_nobody() -> None:
    free = anyio.Event()

    async def slow() -> Iterable[Metric]:
        await free.wait()
        return [WELL.of(1)]

    scrape = Scrape([Asked("left", (WELL,), slow)], PATIENCE_SECONDS)
    with anyio.move_on_after(0.01):
        await scrape.page()
    free.set()
    with anyio.fail_after(PATIENCE_SECONDS):
        assert b"appliance_well 1.0" in await scrape.page()


async def test_what_was_found_just_now_is_shared_by_who_asks_for_no_more() -> None:
    looks: list[int] = []

    async def look() -> Iterable[Metric]:
        looks.append(len(looks))
        return []

    scrape = Scrape([Asked("counted", (WELL,), look)], PATIENCE_SECONDS)
    for _ in range(2):
        await scrape.look(PATIENCE_SECONDS)
    assert looks == [0]
    await scrape.look()
    assert looks == [0, 1]


async def test_who_waits_for_somebody_that_leaves_looks_itself() -> None:
    asked: list[int] = []

    async def slow() -> Iterable[Metric]:
        asked.append(len(asked))
        if len(asked) == 2:
            await anyio.sleep_forever()
        return [WELL.of(len(asked))]

    scrape = Scrape([Asked("left", (WELL,), slow)], PATIENCE_SECONDS)
    await scrape.look()
    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as tasks, anyio.create_task_group() as leaving:
            leaving.start_soon(scrape.look)
            await anyio.wait_all_tasks_blocked()
            assert len(asked) == 2
            tasks.start_soon(scrape.look)
            await anyio.wait_all_tasks_blocked()
            leaving.cancel_scope.cancel()
    assert values(scrape.collect()) == {("well",): 3}


def test_processes_that_run_and_one_that_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        pids = {"server": os.getpid(), "stt": child.pid}
        processes = Processes(lambda: pids)
        found = values(processes.look())
        assert found["process_resident_bytes", "server"] > 1e7
        assert found["process_open_files", "stt"] >= 3
        assert found["process_threads", "stt"] == 1
        assert abs(found["process_start_timestamp_seconds", "server"] - psutil.Process().create_time()) < 1
        child.kill()
    assert {names[1] for names in values(processes.look())} == {"server"}


def test_the_machine() -> None:
    found = values(machine.look())
    assert found["host_memory_bytes", "total"] == psutil.virtual_memory().total
    assert 0 < found["host_memory_bytes", "available"] < found["host_memory_bytes", "total"]
    assert {names[1] for names in found if names[0] == "host_cpu_seconds_total"} == {*machine.MODES, "other"}
    assert found["host_cores",] == os.cpu_count()
    assert {names[1] for names in found if names[0] == "host_load"} == {"1", "5", "15"}


def test_files_and_disks(tmp_path: Path) -> None:
    (tmp_path / "speech" / "ab").mkdir(parents=True)
    (tmp_path / "speech" / "ab" / "x.val").write_bytes(bytes(1000))
    (tmp_path / "appliance.db").write_bytes(bytes(500))
    caches = {"speech": tmp_path / "speech", "transcripts": tmp_path / "none"}
    assert values(places.files(tmp_path / "appliance.db", caches, tmp_path / "speech")) == {
        ("store_bytes", "database"): 500, ("cache_bytes", "speech"): 1000, ("cache_bytes", "transcripts"): 0,
        ("llm_states_bytes",): 1000,
    }  # fmt: skip
    disks = values(places.disks({"state": tmp_path, "models": tmp_path / "speech", "cache": tmp_path / "none"}))
    assert set(disks) == {("disk_free_bytes", "state"), ("disk_size_bytes", "state")}
    assert 0 < disks["disk_free_bytes", "state"] <= disks["disk_size_bytes", "state"]


class Unanswered(Exception):
    """As NVML's errors."""


def card_library(*, silent: tuple[str, ...] = (), cards: int = 1) -> Any:
    """The library as `gpu` uses it: what is in `silent` is not supported. Its real one needs a card."""
    answers: dict[str, Any] = {
        "nvmlInit": None, "nvmlDeviceGetCount": cards, "nvmlSystemGetDriverVersion": "570.1",
        "nvmlDeviceGetHandleByIndex": "card", "nvmlDeviceGetName": b"NVIDIA Test",
        "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=40, memory=3),
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=80, used=30, free=50),
        "nvmlDeviceGetTemperature": 61, "nvmlDeviceGetPowerUsage": 250_000, "nvmlDeviceGetEnforcedPowerLimit": 400_000,
        "nvmlDeviceGetClockInfo": 1500, "nvmlDeviceGetCurrentClocksEventReasons": 0x4 | 0x40 | 0x1,
        "nvmlDeviceGetCurrentClocksThrottleReasons": 0, "nvmlDeviceGetTotalEccErrors": 2,
        "nvmlDeviceGetMaxMigDeviceCount": 0, "nvmlDeviceGetMigDeviceHandleByIndex": "part",
    }  # fmt: skip

    def answer(name: str) -> Any:
        def query(*_: Any) -> Any:
            if name in silent:
                raise Unanswered
            return answers[name]

        return query

    import pynvml

    constants = {name: getattr(pynvml, name) for name in dir(pynvml) if name.startswith(("NVML_", "nvmlClocks"))}
    assert set(answers) <= set(dir(pynvml))  # the real one has them all by these names
    return SimpleNamespace(**constants, **{name: answer(name) for name in answers}, NVMLError=Unanswered)


def test_a_card_tells_all() -> None:
    found = values(Gpu(card_library).look())
    assert found == {
        ("gpu_info", "0", "NVIDIA Test", "570.1"): 1, ("gpu_utilisation_ratio", "0"): 0.4,
        ("gpu_memory_bytes", "0", "total"): 80, ("gpu_memory_bytes", "0", "used"): 30,
        ("gpu_temperature_celsius", "0"): 61, ("gpu_power_watts", "0"): 250, ("gpu_power_limit_watts", "0"): 400,
        ("gpu_clock_hertz", "0", "sm"): 1.5e9, ("gpu_clock_hertz", "0", "memory"): 1.5e9,
        ("gpu_throttled", "0", "thermal"): 1, ("gpu_throttled", "0", "power"): 1,
        ("gpu_throttled", "0", "hardware"): 0, ("gpu_throttled", "0", "other"): 0,
        ("gpu_uncorrected_errors_total", "0"): 2,
    }  # fmt: skip


QUERIES = {
    "nvmlDeviceGetUtilizationRates": "gpu_utilisation_ratio",
    "nvmlDeviceGetMemoryInfo": "gpu_memory_bytes",
    "nvmlDeviceGetTemperature": "gpu_temperature_celsius",
    "nvmlDeviceGetPowerUsage": "gpu_power_watts",
    "nvmlDeviceGetEnforcedPowerLimit": "gpu_power_limit_watts",
    "nvmlDeviceGetClockInfo": "gpu_clock_hertz",
    "nvmlDeviceGetTotalEccErrors": "gpu_uncorrected_errors_total",
}


@pytest.mark.parametrize("query", QUERIES)
def test_what_a_card_does_not_answer_is_absent_alone(query: str) -> None:
    whole, found = values(Gpu(card_library).look()), values(Gpu(lambda: card_library(silent=(query,))).look())
    assert {names[0] for names in whole} - {names[0] for names in found} == {QUERIES[query]}


def test_an_older_driver_knows_the_query_by_another_name() -> None:
    found = values(Gpu(lambda: card_library(silent=("nvmlDeviceGetCurrentClocksEventReasons",))).look())
    assert found["gpu_throttled", "0", "thermal"] == 0


def test_a_driver_that_goes_away_is_looked_for_again() -> None:
    libraries = [card_library(silent=("nvmlDeviceGetCount",)), card_library()]
    gpu = Gpu(lambda: libraries.pop(0))
    assert list(gpu.look()) == []
    gpu._try_at = 0.0
    assert values(gpu.look())["gpu_temperature_celsius", "0"] == 61


def test_without_a_card_there_is_nothing() -> None:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        assert list(Gpu().look()) == []
    else:
        assert {metric.name for metric in Gpu().look()} <= {family.name.removesuffix("_total") for family in FAMILIES}
