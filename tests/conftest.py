"""The box as tests use it: real models, real sockets, loopback only."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import openai
import psutil
import pytest
import uvicorn
from hypothesis import settings as hypothesis_settings

from appliance.engines.host import ENVIRONMENT

os.environ.update(ENVIRONMENT)  # before anything loads llama.cpp, so that engines in this process run as workers do

from appliance import logs
from appliance import settings as settings_module
from appliance.app import create_app, create_engines
from appliance.catalog.lineup import lineup
from appliance.settings.chosen import OVERRULED_BY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from browsers import Browsers

    from appliance.catalog.lineup import Installed, Lineup
    from appliance.settings import Settings

# Nothing here is judged by how long it takes; and what a push is refused for fails again for whoever looks at it.
hypothesis_settings.register_profile("suite", deadline=None, derandomize="CI" in os.environ, print_blob=True)
hypothesis_settings.load_profile("suite")

# httpx gives up after 5 s where nothing else is said: a disk that others write to may take longer for one line.
for waiting in ("connect", "read", "write", "pool"):
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, waiting, 60.0)

Seen = TypeVar("Seen")

STATE = Path(os.environ.get("STATE", ".state"))
SPEECH = Path(__file__).parents[2] / "shared" / "speech"
READY_SECONDS = 120
PATIENCE_SECONDS = 120
SETTLE_SECONDS = 20
QUESTION = "Please tell me why the sky is blue and the grass is green."
"""Words that Whisper base always hears right from the starter voice, which never says a text twice the same."""


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """How a run ended: what failed in one that was broken off is not all that would have (`.ci/run`)."""
    if not hasattr(session.config, "workerinput") and session.config.cache is not None:
        session.config.cache.set("suite/ended", int(exitstatus))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests ask real models and whole processes: to count lines meanwhile shows few more, and takes minutes."""
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker("no_cover")


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_module.load(
        environ={},
        state_dir=STATE,
        choice=False,
        overrides={
            "http": {"open": True},
            "store": {"dir": str(tmp_path_factory.mktemp("store"))},
            "limits": {"body_mb": 8, "audio_seconds": 60.0, "turn_seconds": 30.0},
            "llm": {"context": 1024},
            "cache": {"speech_mb": 0, "transcripts_mb": 0},
        },
    )


@pytest.fixture(scope="session")
def models(settings: Settings) -> Lineup:
    return lineup(settings)


@pytest.fixture(scope="session")
def encoder(settings: Settings) -> Installed:
    """The model that makes vectors, which setup.sh fetches beside the starter models."""
    chosen = settings_module.load(
        environ={}, state_dir=settings.state_dir, choice=False, overrides={"embed": {"model": "all-minilm-l6-v2"}}
    )
    embed = lineup(chosen).embed
    assert embed is not None
    return embed


@pytest.fixture(scope="session")
def box(settings: Settings, models: Lineup) -> Iterator[str]:
    """Address of a whole appliance that serves in this process, its workers in theirs."""
    logs.configure("error", "json")
    config = uvicorn.Config(create_app(settings, models, create_engines(settings, models)), port=0, log_config=None)
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        wait_ready(url)
        yield url
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def serving(log: Path, state: Path | str = STATE, **environ: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A real `appliance serve` in a process of its own, and its address, once it is ready. It writes its log to a file.

    It has to end by itself when it is told to, unless it was killed, and its workers with it.
    """
    command = [sys.executable, "-m", "appliance", "serve", "--open", "--port", "0", "--state-dir", str(state)]
    given = {**os.environ, "APPLIANCE_LOG__FORMAT": "json", "APPLIANCE_STORE__DIR": str(log.parent)}
    if state is STATE:  # whose owner may have chosen another set for himself
        given.setdefault(OVERRULED_BY, settings_module.Models().set)
    given |= {f"APPLIANCE_CACHE__{name}_MB": "0" for name in ("SPEECH", "TRANSCRIPTS")} | environ
    with log.open("wb") as output, subprocess.Popen(command, stderr=output, env=given) as process:
        workers: list[psutil.Process] = []
        try:
            url = None
            while url is None:
                with suppress(subprocess.TimeoutExpired):
                    raise AssertionError(process.wait(0.05), log.read_text())
                url = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
            wait_ready(url[0])
            yield process, url[0]
        finally:
            killed = process.poll() == -signal.SIGKILL
            if process.poll() is None:
                workers = psutil.Process(process.pid).children()
            process.terminate()
            assert killed or process.wait(30) in (0, -signal.SIGTERM)
            assert not psutil.wait_procs(workers, timeout=10)[1]


def wait_ready(url: str, *, status: int = 200) -> dict[str, Any]:
    """Ask until readiness says `status`; it is the box's own word for it, so there is nothing else to wait on."""
    deadline = time.monotonic() + READY_SECONDS
    answer = None
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"{url}/health/ready")
            if answer.status_code == status:
                stages: dict[str, Any] = answer.json()["stages"]
                return stages
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(answer.text if answer is not None else "nobody listens")


def until(look: Callable[[], Seen], fits: Callable[[Seen], object] = bool) -> Seen:
    """What there is to see, once it `fits`: asked again and again, as nobody tells."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not fits(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)
    return seen


def descriptors(process: psutil.Process, most: int) -> int:
    """How many files and sockets are open, once there are no more than `most`: the last request's socket takes a moment
    to go after its client has it all."""
    until = time.monotonic() + SETTLE_SECONDS
    while (count := int(process.num_fds())) > most and time.monotonic() < until:
        time.sleep(0.02)
    return count


def mostly(good: Callable[[], object], takes: int = 3) -> None:
    """More than half of so many takes are good: the voice never says a text twice the same, and now and then one is not
    clear."""
    found: list[object] = []
    while sum(map(bool, found)) <= takes // 2:
        assert len(found) < takes, found
        found.append(good())


@pytest.fixture(scope="module")
def client(box: str) -> Iterator[openai.OpenAI]:
    """OpenAI's own client of the box."""
    with openai.OpenAI(base_url=f"{box}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture
def scripted(url: str) -> Iterator[openai.OpenAI]:
    """OpenAI's own client of the doors at a test's own `url`, behind which a scripted stage plays."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture(scope="session")
def question(box: str) -> bytes:
    """A spoken question as WAV, made by the box itself: a take that is clear, for tests of what is done with it."""
    for _ in range(5):
        spoken = httpx.post(f"{box}/v1/audio/speech", json={"input": QUESTION, "response_format": "wav"}, timeout=60)
        files, heard = {"file": ("q.wav", spoken.raise_for_status().content)}, []
        for data in ({"language": "en"}, {}):  # tests hear it either way
            answer = httpx.post(f"{box}/v1/audio/transcriptions", files=files, data=data, timeout=60)
            heard.append(answer.raise_for_status().json()["text"])
        if heard == [QUESTION, QUESTION]:
            return spoken.content
    raise AssertionError(f"five takes, and none is understood; the last as {heard}")


@pytest.fixture
def browsers() -> Browsers:
    """Opens the page in a real browser."""
    import browsers as found  # brings Playwright, which few tests need

    return found.browsers()


@pytest.fixture
def recorded() -> Path:
    if not SPEECH.is_dir():
        pytest.skip("no recorded speech beside this checkout")
    return SPEECH
