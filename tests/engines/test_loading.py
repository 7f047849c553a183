"""A worker that loads may be silent for longer: what makes its model may keep it from sending heartbeats."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import pytest
from prometheus_client import Gauge

from appliance import metrics
from appliance.engines import host as hosts
from appliance.engines.host import EngineHost
from appliance.engines.restarts import LOADING_SECONDS
from appliance.engines.silence import Silence
from appliance.engines.specs import Llama
from appliance.engines.status import Probe
from appliance.jobs import Generate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.settings import Settings

LOADS = """
import ctypes, os
from appliance.engines import interleave, worker
from appliance.jobs import Token

def load(spec):
    open(spec.path + ".loading", "w").close()
    os.close(ctypes.PyDLL(None).open(spec.path.encode(), os.O_RDONLY))  # until a writer comes; it keeps Python's lock
    return interleave.Interleaved(lambda job, payload: iter([(Token(text="yes"), b"")]), 1)

worker.main(load)
"""


class Clock:
    """Stands still at `most`, however long a worker takes to start on this machine."""

    def __init__(self) -> None:
        self.now = self.most = 0.0

    def current_time(self) -> float:
        return self.now

    async def sleep_until(self, deadline: float) -> None:
        while deadline > self.most:  # noqa: ASYNC110 - a test sets a figure and no more
            await anyio.sleep(0.01)
        self.now = deadline


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(hosts, "Silence", lambda most, every: Silence(most, every, made))
    return made


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.gguf"
    os.mkfifo(path)
    return path


@pytest.fixture
def host(settings: Settings, model: Path, monkeypatch: pytest.MonkeyPatch) -> EngineHost:
    for name in ("READY", "IN_FLIGHT"):  # it must not speak for those of the box that other tests share
        monkeypatch.setattr(metrics, name, Gauge(name.lower(), "A gauge of its own.", ["stage"], registry=None))
    spec = Llama(name="m", path=str(model))
    return EngineHost("llm", spec, Probe(Generate()), settings, command=[sys.executable, "-c", LOADS])


async def until(true: Callable[[], bool]) -> None:
    with anyio.fail_after(60):
        while not true():  # noqa: ASYNC110 - what is waited for happens in a host and its worker
            await anyio.sleep(0.01)


def loading(model: Path) -> bool:
    """Whether a worker has been heard, or is about to be for the last time, before its load keeps it silent."""
    return model.with_name(f"{model.name}.loading").exists()


def opened(model: Path) -> bool:
    """Let a worker go on that waits in its load; whether there is one."""
    with suppress(OSError):
        os.close(os.open(model, os.O_WRONLY | os.O_NONBLOCK))
        return True
    return False


def test_a_worker_that_loads_may_be_silent_but_not_one_that_serves(
    host: EngineHost, clock: Clock, model: Path, settings: Settings
) -> None:
    def replaced() -> bool:
        clock.most += 1.0  # what it had said before may still be read meanwhile
        return host.status.restarts > 0

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.run)
            await until(lambda: loading(model))
            clock.most = LOADING_SECONDS - 1
            await until(lambda: clock.now == clock.most)
            assert host.status.restarts == 0
            await until(lambda: opened(model))
            await until(lambda: host.status.state == "ready")
            assert host.status.restarts == 0
            assert host.status.pid is not None
            os.kill(host.status.pid, signal.SIGSTOP)
            await until(replaced)
            assert f"no sign of life for {settings.workers.silent_seconds:g} s" in host.status.detail
            tasks.cancel_scope.cancel()

    anyio.run(run)


def test_a_worker_that_hangs_while_it_loads_is_replaced(host: EngineHost, clock: Clock, model: Path) -> None:
    def replaced() -> bool:
        clock.most += 1.0
        return host.status.restarts > 0

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.run)
            await until(lambda: loading(model))
            await until(replaced)
            assert f"no sign of life for {LOADING_SECONDS:g} s" in host.status.detail
            tasks.cancel_scope.cancel()

    anyio.run(run)
