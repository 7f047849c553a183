"""From the settings to a worker that refuses its model: readiness says why, and it is tried again."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from prometheus_client import Gauge

from appliance import metrics
from appliance import settings as settings_module
from appliance.app import create_engines
from appliance.asking import USER
from appliance.catalog import provenance
from appliance.engines import restarts
from appliance.engines.figures import Speaking
from appliance.engines.host import EngineHost
from appliance.engines.specs import Llama
from appliance.engines.status import Probe
from appliance.errors import DeadlineExceeded, Overloaded
from appliance.jobs import Generate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.catalog.lineup import Lineup
    from appliance.settings import Settings


@pytest.fixture(autouse=True)
def own_gauges(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hosts here must not speak for those of the box that other tests share."""
    for name in ("READY", "IN_FLIGHT"):
        monkeypatch.setattr(metrics, name, Gauge(name.lower(), "A gauge of its own.", ["stage"], registry=None))


def test_the_spec_has_every_setting_and_what_the_catalog_knows(models: Lineup, settings: Settings) -> None:
    made = create_engines(settings, models)["llm"]._spec
    assert isinstance(made, Llama)
    alike = set(Llama.__struct_fields__) - {"name", "path", "digest", "cache_dir", "draft_path"}
    assert {field: getattr(made, field) for field in alike} == {field: getattr(settings.llm, field) for field in alike}
    assert made.digest == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert made.cache_dir == str(settings.state_dir / "cache" / "llm")
    bare = settings_module.load(
        environ={}, state_dir=settings.state_dir, choice=False, overrides={"llm": {"cache_mb": 0}}
    )
    assert create_engines(bare, models)["llm"]._spec.cache_dir == ""  # type: ignore[union-attr]
    assert provenance.digest_of(settings, "unheard-of") == ""


def test_a_draft_model_has_to_be_installed(settings: Settings) -> None:
    def asked(name: str) -> Settings:
        llm = {"speculation": "draft", "draft_model": name}
        return settings_module.load(environ={}, state_dir=settings.state_dir, choice=False, overrides={"llm": llm})

    assert provenance.draft_of(settings) is None
    found = provenance.draft_of(asked("smollm2-135m-instruct"))
    assert found is not None
    assert found.is_file()
    with pytest.raises(settings_module.SettingsError, match="there is no llm model 'whisper-base'"):
        provenance.draft_of(asked("whisper-base"))


def test_a_list_in_the_environment() -> None:
    for text in ("3,1", "[3, 1.0]"):
        assert settings_module.load(environ={"APPLIANCE_LLM__TENSOR_SPLIT": text}).llm.tensor_split == (3, 1)
    with pytest.raises(settings_module.SettingsError, match="APPLIANCE_LLM__TENSOR_SPLIT"):
        settings_module.load(environ={"APPLIANCE_LLM__TENSOR_SPLIT": "3,-1"})


async def until(true: Callable[[], bool]) -> None:
    with anyio.fail_after(60):
        while not true():
            await anyio.lowlevel.checkpoint()


REFUSES = """
import pathlib
from appliance.engines import faults, interleave, worker
from appliance.jobs import Token

def load(spec):
    if not pathlib.Path(spec.path).exists():
        raise faults.ModelDoesNotFit("there is too little of everything")
    return interleave.Interleaved(lambda job, payload: iter([(Token(text="yes"), b"")]), 1)

worker.main(load)
"""


def test_a_refusal_is_shown_in_readiness_and_tried_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarts, "BACK_OFF_SECONDS", (0.0, 0.01))
    path = tmp_path / "m.gguf"
    host = EngineHost(
        "llm", Llama(name="m", path=str(path)), Probe(Generate()), settings, command=[sys.executable, "-c", REFUSES]
    )

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.run)
            await until(lambda: host.status.restarts >= 2 and "too little of everything" in host.status.detail)
            assert host.status.state == "down"
            path.touch()
            await until(lambda: host.status.state == "ready")
            tasks.cancel_scope.cancel()

    anyio.run(run)


SAYS_NOTHING = """
from appliance.engines import worker
from appliance.jobs import Token

class Mute:
    busy = untidy = False
    emissions = []
    def submit(self, job_id, job, payload, **more):
        from appliance.engines.interleave import Emission
        if job.max_tokens == 4:
            self.emissions = [Emission(job_id, Token(text="ready")), Emission(job_id)]
    def step(self):
        said, self.emissions = self.emissions, []
        return said
    def abort(self, job_id): pass
    def grant(self, job_id, parts): pass
    def figures(self): return None

worker.main(lambda spec: Mute())
"""


TELLS = SAYS_NOTHING.replace(
    "return None", "from appliance.engines.figures import Speaking; return Speaking(audio_seconds=1.0)"
)


def test_figures_of_a_worker_that_died_are_gone(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, "BACK_OFF_SECONDS", (3600.0,))
    probe = Probe(Generate(max_tokens=4))
    host = EngineHost("llm", Llama(name="m", path="m"), probe, settings, command=[sys.executable, "-c", TELLS])

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.run)
            await until(lambda: host.status.state == "ready" and host.status.figures == Speaking(audio_seconds=1.0))
            assert host.status.pid is not None
            os.kill(host.status.pid, signal.SIGKILL)
            await until(lambda: host.status.state == "down")
            assert host.status.figures is None
            tasks.cancel_scope.cancel()

    anyio.run(run)


def test_background_work_may_wait_for_longer(settings: Settings) -> None:
    llm = {"deadline_seconds": 0.2, "background_seconds": 0.3}
    made = settings_module.load(environ={}, state_dir=settings.state_dir, choice=False, overrides={"llm": llm})
    probe = Probe(Generate(max_tokens=4))
    host = EngineHost("llm", Llama(name="m", path="m"), probe, made, command=[sys.executable, "-c", SAYS_NOTHING])

    async def ask(job: Generate) -> None:
        async with host.stream(job) as parts:
            async for _ in parts:
                pass

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.run)
            await until(lambda: host.status.state == "ready")
            with pytest.raises(DeadlineExceeded, match=r"within 0\.2 s"):
                await ask(Generate())
            with pytest.raises(DeadlineExceeded, match=r"within 0\.3 s"):
                await ask(Generate(priority="background"))
            tasks.cancel_scope.cancel()

    anyio.run(run)


def test_a_full_stage_has_room_for_a_user_who_has_little(settings: Settings) -> None:
    made = settings_module.load(environ={}, state_dir=settings.state_dir, choice=False, overrides={"llm": {"queue": 2}})
    probe = Probe(Generate(max_tokens=4))
    host = EngineHost("llm", Llama(name="m", path="m"), probe, made, command=[sys.executable, "-c", SAYS_NOTHING])

    async def ask(held: AsyncExitStack, user: str, job: Generate = Generate()) -> None:  # noqa: B008 - frozen
        USER.set(user)
        await held.enter_async_context(host.stream(job))

    async def run() -> None:
        async with anyio.create_task_group() as tasks, AsyncExitStack() as held:
            tasks.start_soon(host.run)
            await until(lambda: host.status.state == "ready")
            for _ in range(2):
                await ask(held, "loud")
            with pytest.raises(Overloaded):
                await ask(held, "loud")
            await ask(held, "quiet")
            with pytest.raises(Overloaded):
                await ask(held, "quiet")
            await ask(held, "loud", Generate(priority="live"))
            await ask(held, "third")
            with pytest.raises(Overloaded):  # there is room beyond the room, but not for ever
                await ask(held, "fourth")
            tasks.cancel_scope.cancel()

    anyio.run(run)


def test_readiness_names_a_broken_model_file(models: Lineup, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(models.llm.main.read_bytes()[:3_000_000])
    host = EngineHost("llm", Llama(name="m", path=str(path)), Probe(Generate()), settings)

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.run)
            await until(lambda: "m.gguf is cut off: 3000000 of 98362432 bytes are there" in host.status.detail)
            tasks.cancel_scope.cancel()

    anyio.run(run)
