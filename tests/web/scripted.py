"""A stage that plays a script, and an appliance of doors alone around it: real sockets, no models."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import uvicorn

from appliance import logs
from appliance import settings as settings_module
from appliance.callers.names import Names
from appliance.cli.rounds import MOST_MESSAGE_BYTES
from appliance.errors import Overloaded
from appliance.jobs import Generated, JobTimes, Part
from appliance.store.database import Database
from appliance.voice.stages import Stages
from appliance.web.box import make_box
from appliance.web.doors import DOORS, open_doors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from appliance.jobs import AnyJob, AnyPart

    Beat = AnyPart | tuple[AnyPart, bytes] | Exception
    Script = Sequence[Beat] | Callable[[AnyJob, int], AsyncIterator[Beat]]

END = Generated(finish_reason="stop", prompt_tokens=5, completion_tokens=3, cached_tokens=2)


class ScriptedStage:
    """Answers each job with the script: parts, parts with a payload, or an error at that place.

    A script may be a function of the job and its number that gives such things one after another. `jobs` keeps what
    was asked, `open` counts the jobs that run, `aborted` those that were left early; beyond `queue` it refuses.
    """

    def __init__(self, script: Script = (), queue: int = 64) -> None:
        self.script, self.queue = script, queue
        self.jobs: list[Any] = []
        self.open = self.aborted = 0

    @property
    def job(self) -> Any:
        """The last job."""
        return self.jobs[-1]

    @asynccontextmanager
    async def stream(self, job: AnyJob, payload: bytes = b"") -> AsyncIterator[_Played]:
        """Parts of the script."""
        if self.open >= self.queue:
            raise Overloaded(f"The stage is busy with {self.queue} requests.", retry_after=7)
        self.jobs.append(job)
        self.open += 1
        played = _Played(self.script, job, len(self.jobs) - 1)
        try:
            yield played
        finally:
            self.open -= 1
            self.aborted += not played.over


class _Played:
    def __init__(self, script: Script, job: AnyJob, number: int) -> None:
        self._beats = script(job, number) if callable(script) else _each(script)
        self.over = False

    times = JobTimes()

    def __aiter__(self) -> _Played:
        return self

    def promote(self) -> None:
        """Nothing waits here."""

    async def __anext__(self) -> tuple[AnyPart, bytes]:
        try:
            beat = await anext(self._beats)
        except StopAsyncIteration:
            self.over = True
            raise
        if isinstance(beat, Exception):
            self.over = True
            raise beat
        return (beat, b"") if isinstance(beat, Part) else beat


async def _each(beats: Sequence[Beat]) -> AsyncIterator[Beat]:
    for beat in beats:
        yield beat


@contextmanager
def doors(
    *handlers: Any, stage: ScriptedStage, overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> Iterator[str]:
    """Address of an appliance that has only these handlers, with `stage` for all stages."""
    given: dict[str, Mapping[str, Any]] = {"llm": {"queue": 16}, "http": {"open": True}, **(overrides or {})}
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth"})
    with furnished(given, Stages(stage, stage, stage, stage), names, handlers or DOORS) as url:
        yield url


@contextmanager
def furnished(
    overrides: Mapping[str, Mapping[str, Any]], stages: Stages, names: Names, handlers: Sequence[Any] = DOORS
) -> Iterator[str]:
    """Address of an appliance with these stages, whose memory goes with it."""
    with TemporaryDirectory() as folder:
        given = {**overrides, "store": {"dir": folder, **overrides.get("store", {})}}
        settings = settings_module.load(environ={}, overrides=given)
        database = Database(settings.database)
        box = make_box(settings, stages, names, database, dict)
        with served(open_doors(box, doors=handlers)) as url:
            yield url


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Address of an ASGI application that serves on a free port, in a thread of its own."""
    logs.configure("error", "json")  # to stderr: commands that run in this process meanwhile have stdout to themselves
    config = uvicorn.Config(app, port=0, log_config=None, ws="websockets-sansio", ws_max_size=MOST_MESSAGE_BYTES)
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    listener.listen()
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
