"""What the service manager is told, over a real socket."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest
from manager import Manager, manager

from appliance.engines.status import StageStatus
from appliance.supervision.notify import Supervisor, status, supervisor
from appliance.supervision.starting import EXTEND_EVERY_SECONDS, Start, announce

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.jobs import Role


def stage(state: str, detail: str = "the model is being loaded", restarts: int = 0) -> StageStatus:
    return StageStatus(state, "m", detail, restarts, 0, 1)  # type: ignore[arg-type]


def test_without_a_manager_nobody_is_told() -> None:
    assert supervisor({}) is None
    assert supervisor({"NOTIFY_SOCKET": "vsock:2:9"}) is None


def test_the_environment_is_read_once() -> None:
    environ = {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    assert supervisor(environ) == Supervisor("/run/n", 30.0)
    assert environ == {"HOME": "/"}
    others = {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}
    assert supervisor(others) == Supervisor("/run/n", None)


def test_lines_arrive_together(tmp_path: Path) -> None:
    with manager(tmp_path) as told:
        assert Supervisor(told.address).tell("READY=1", status("two\nlines"))
        assert told.lines() == ["READY=1", "STATUS=two lines"]
        told.close()
        assert not Supervisor(told.address).tell("READY=1")


def test_abstract_addresses() -> None:
    told = Manager(f"@appliance-{os.getpid()}")
    try:
        assert Supervisor(told.address).tell("STOPPING=1")
        assert told.lines() == ["STOPPING=1"]
    finally:
        told.close()


def test_ready_is_said_once_all_stages_are(tmp_path: Path) -> None:
    stages: dict[Role, StageStatus] = {"stt": stage("ready"), "llm": stage("starting")}

    async def run(told: Manager) -> list[str]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(announce, Supervisor(told.address), lambda: stages, 60.0)
            first = await anyio.to_thread.run_sync(told.lines)
            assert first[0].startswith("EXTEND_TIMEOUT_USEC=")
            assert "llm starting (m: the model is being loaded)" in first[1]
            stages["llm"] = stage("ready")
            heard = await anyio.to_thread.run_sync(told.until, "READY=1")
            stages["llm"] = stage("down", "the worker's process ended", 1)
            heard += await anyio.to_thread.run_sync(told.lines)
            tasks.cancel_scope.cancel()
        return heard

    with manager(tmp_path) as told:
        heard = anyio.run(run, told)
    assert heard.count("READY=1") == 1
    assert heard[-1].endswith("llm down (m: the worker's process ended; 1 workers have ended)")


@pytest.mark.parametrize("last", [stage("down", restarts=3), stage("starting", restarts=5)])
def test_a_stage_that_cannot_be_loaded_holds_up_nobody(last: StageStatus) -> None:
    start, every = Start(300.0, 0.0), EXTEND_EVERY_SECONDS
    loading: dict[Role, StageStatus] = {"stt": stage("starting", restarts=1), "llm": stage("starting", restarts=1)}
    assert start.lines(loading, 0.0) == ["EXTEND_TIMEOUT_USEC=30000000"]
    assert start.lines({**loading, "llm": last}, every) == ["EXTEND_TIMEOUT_USEC=30000000"]
    assert start.lines({"stt": stage("ready"), "llm": last}, every) == ["READY=1"]


def test_a_start_without_any_stage_fails() -> None:
    none: dict[Role, StageStatus] = {"stt": stage("down", restarts=3), "llm": stage("starting", restarts=4)}
    assert Start(300.0, 0.0).lines(none, 0.0) == []


def test_loading_is_extended_while_it_gets_on() -> None:
    start, every = Start(100.0, 0.0), EXTEND_EVERY_SECONDS
    none: dict[Role, StageStatus] = {"stt": stage("starting"), "llm": stage("starting")}
    one: dict[Role, StageStatus] = {**none, "stt": stage("ready")}
    assert start.lines(none, 0.0)
    assert start.lines(none, every - 1) == []
    assert start.lines(none, 99.0)
    assert start.lines(none, 100.0 + every) == []
    assert start.lines(one, 110.0)
    assert start.lines(one, 209.0)
    assert start.lines(one, 209.5) == []
    assert start.lines(one, 210.0 + every) == ["READY=1"]
