"""The parent's side of one engine: starts its worker, watches it, replaces it, and lends its answers to clients.

A host owns one child process at a time. `run` is its task; `stream` is what everybody else uses:

    async with host.stream(job, payload) as parts:
        async for part, payload in parts: ...

Leaving the block early aborts the job in the worker within one step. A job beyond the queue's bound is refused
at once, every wait for a part has a deadline, and when the worker dies or stalls every job on it fails at once.
"""

from __future__ import annotations

import math
import os
import signal
import socket
import sys
from collections import deque
from contextlib import asynccontextmanager
from subprocess import DEVNULL
from typing import TYPE_CHECKING, Final

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream
from structlog.contextvars import get_contextvars

from appliance import logs, metrics
from appliance.asking import USER
from appliance.engines import frames
from appliance.engines.accounts import settled
from appliance.engines.fairness import has_room
from appliance.engines.parts import Parts
from appliance.engines.precedence import Precedence
from appliance.engines.restarts import Restarts
from appliance.engines.silence import Silence
from appliance.engines.status import StageStatus
from appliance.errors import ApplianceError, DeadlineExceeded, EngineDown, Overloaded, from_code
from appliance.jobs import Embed, Generate, Prepare, is_live

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from anyio.abc import ByteSendStream

    from appliance.engines.figures import Figures
    from appliance.engines.specs import AnySpec
    from appliance.engines.status import Probe, State
    from appliance.jobs import AnyJob, Role
    from appliance.settings import Settings, Workers

log = logs.logger(__name__)

LIVE_ROOM: Final = 8  # so many times as many live jobs find room: they are small and short, and somebody waits

ENVIRONMENT: Final = {"MALLOC_ARENA_MAX": "2", "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000",
                      "OPENBLAS_NUM_THREADS": "1"}  # fmt: skip
"""Threads look a thousand times (microseconds) for each other before they sleep; numpy has one: docs/decisions/."""
COMMAND: Final = (sys.executable, "-m", "appliance.engines.worker")


class EngineHost:
    """Owns one worker process."""

    def __init__(
        self,
        role: Role,
        spec: AnySpec,
        probe: Probe,
        settings: Settings,
        precedence: Precedence | None = None,
        *,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """`precedence` is shared by the hosts that have regard for each other's live turns; None: nobody's."""
        section = getattr(settings, role)
        self.role: Role = role
        self._spec, self._probe, self._command, self._log = spec, probe, command, settings.log
        self._watch: Workers = settings.workers
        self._queue: int = section.queue
        self._deadline: float = section.deadline_seconds
        self._patience: float = getattr(section, "background_seconds", self._deadline)
        self._state: State = "starting"
        self._detail = "the worker is being started"
        self._restarts = Restarts(settings.workers)
        self._next_id, self._mean_seconds = 0, 1.0
        self._jobs: dict[int, Parts] = {}
        self._outbox: deque[tuple[bytes, bytes]] = deque()  # head and payload; a few a job, and jobs are bounded
        self._to_send = anyio.Event()
        self._process: anyio.abc.Process | None = None
        self._figures: Figures | None = None  # as the worker has told last
        self._precedence = precedence or Precedence()
        if precedence is not None:
            precedence.join(self._hold)

    @property
    def status(self) -> StageStatus:
        """The stage as readiness shows it."""
        process, restarts = self._process, self._restarts.count
        pid = process.pid if process is not None else None
        return StageStatus(self._state, self._spec.name, self._detail, restarts, len(self._jobs), pid, self._figures)

    @property
    def due(self) -> float:
        """When it has to have taken its next step; later it is stuck itself."""
        return self._restarts.due

    @asynccontextmanager
    async def stream(self, job: AnyJob, payload: bytes = b"") -> AsyncIterator[Parts]:
        """Send a job; the parts of its answer. Raises `EngineDown` or `Overloaded` at once."""
        if self._state != "ready":
            raise EngineDown(f"The {self.role} stage is not ready: {self._detail}.", retry_after=5)
        if self._full(USER.get(), live=is_live(job)):
            retry_after = min(30, max(1, math.ceil(self._mean_seconds)))
            metrics.REFUSED.labels(self.role).inc()
            raise Overloaded(f"The {self.role} stage is busy with {self._queue} requests.", retry_after=retry_after)
        async with self._exchange(job, payload) as parts:
            with settled(self.role, job, parts):
                yield parts

    def _full(self, user: str, *, live: bool) -> bool:
        """Live jobs are bounded by the live conversations that there may be; neither kind takes the other's room."""
        users = [parts.user for parts in self._jobs.values() if parts.live is live]
        return not has_room(user, users, self._queue * (LIVE_ROOM if live else 1))

    @asynccontextmanager
    async def _exchange(self, job: AnyJob, payload: bytes) -> AsyncIterator[Parts]:
        self._next_id += 1
        job_id, started = self._next_id, anyio.current_time()
        deadline = self._patience if getattr(job, "priority", None) == "background" else self._deadline
        user = USER.get()
        claim = self._precedence.claim(job, user)
        parts = Parts(job_id, deadline, self.role, self.tell, user, claim, live=is_live(job))
        self._jobs[job_id] = parts
        window = frames.WHOLE_REPLY if isinstance(job, Generate | Prepare | Embed) else frames.WINDOW
        try:
            self.tell(frames.Start(job_id, job, get_contextvars().get("request_id", ""), window, user), payload)
            yield parts
        finally:
            self._jobs.pop(job_id, None)
            if not parts.ended:
                parts.leave()
                self.tell(frames.Abort(job_id))
            else:
                self._mean_seconds += 0.2 * (anyio.current_time() - started - self._mean_seconds)

    def tell(self, message: frames.ToWorker, payload: bytes = b"") -> None:
        """Put a frame on its way to the worker; never blocks. Without a worker there is nobody to tell."""
        if self._process is not None:
            self._outbox.append((frames.encode(message, payload), payload))
            self._to_send.set()

    def _hold(self, hold: frames.Hold) -> None:
        if self._state == "ready":  # one that loads reads nothing
            self.tell(hold)

    async def run(self) -> None:
        """Keep a worker alive until cancelled."""
        metrics.stage_known(self.role, self._spec.name)
        metrics.IN_FLIGHT.labels(self.role).set_function(lambda: len(self._jobs))
        metrics.READY.labels(self.role).set_function(lambda: self._state == "ready")
        while True:
            self._restarts.begin()
            try:
                await self._serve_one()
            except Exception as error:  # noqa: BLE001 - one worker's fault must not end the other stages' hosts
                self._detail = "the worker could not be started or served"
                log.error("host failed", stage=self.role, **logs.place_of(error))
            finally:
                self._fail_all()
            pause = self._restarts.pause(self._detail)
            metrics.RESTARTS.labels(self.role).inc()
            log.error("worker ended", stage=self.role, reason=self._detail, restart_in_seconds=pause)
            await anyio.sleep(pause)

    def _fail_all(self) -> None:
        self._state, self._figures = "down", None
        self._outbox.clear()
        message = f"The {self.role} stage failed during the request and is being replaced."
        for job_id in list(self._jobs):
            self._end(job_id, EngineDown(message, retry_after=3))

    async def _serve_one(self) -> None:
        """One worker's life, until it ends or has to be ended."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = await anyio.open_process(
                    [*self._command, self.role, "--fd", str(theirs.fileno())],
                    stdin=DEVNULL, stdout=None, stderr=None, pass_fds=[theirs.fileno()],
                    env={**os.environ, **ENVIRONMENT},
                )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        process = self._process
        try:
            async with (
                await anyio.abc.UNIXSocketStream.from_socket(ours) as stream,
                anyio.create_task_group() as tasks,
            ):
                tasks.start_soon(self._send_frames, stream)
                self._detail = await self._receive_frames(BufferedByteReceiveStream(stream), tasks)
                tasks.cancel_scope.cancel()
        finally:
            self._process = None
            self._restarts.step()
            with anyio.CancelScope(shield=True):
                if process.returncode is None:
                    process.kill()
                code = await process.wait()
                await process.aclose()
            if code < 0 and code != -signal.SIGKILL:
                self._detail = f"the worker ended by signal {signal.Signals(-code).name}"

    async def _send_frames(self, stream: ByteSendStream) -> None:
        """The only sender, so that frames never mix."""
        form = self._log.format if self._log.format != "auto" else "human" if sys.stderr.isatty() else "json"
        load = frames.Load(self._spec, self._watch.beat_seconds, self._log.level, form)
        self._outbox.appendleft((frames.encode(load), b""))
        try:
            while True:
                while self._outbox:
                    head, payload = self._outbox.popleft()
                    await stream.send(head)
                    if payload:
                        await stream.send(payload)
                self._to_send = anyio.Event()
                await self._to_send.wait()
        except anyio.BrokenResourceError:
            pass  # the receiving side sees the end too, and says why

    async def _receive_frames(self, stream: BufferedByteReceiveStream, tasks: anyio.abc.TaskGroup) -> str:
        """Hand out what the worker says; returns why there will be no more."""
        silence = Silence(self._restarts.silence, self._watch.beat_seconds)
        loading_until = anyio.current_time() + self._watch.load_seconds
        steps, progress_at = -1, anyio.current_time()
        self._detail = self._restarts.loading
        with anyio.CancelScope() as listening:
            tasks.start_soon(silence.end, listening)
            while True:
                try:
                    message, payload = await frames.receive(stream)
                except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
                    return "the worker's process ended"
                silence.broken()
                self._restarts.step()
                now = anyio.current_time()
                match message:
                    case frames.Beat(steps=counted, busy=busy, figures=figures):
                        self._figures = figures
                        if counted != steps or not busy:
                            steps, progress_at = counted, now
                        if now - progress_at > self._watch.stall_seconds:
                            return f"a job made no progress for {self._watch.stall_seconds:g} s"
                        if self._state != "ready" and now > loading_until:
                            return f"the model was not ready within {self._watch.load_seconds:g} s"
                        self._drop_unread(now)
                    case frames.Emit(id=job_id, part=part, began=began) if job_id in self._jobs:
                        self._jobs[job_id].put(part, payload, began)
                    case frames.Done(id=job_id, began=began) if job_id in self._jobs:
                        self._end(job_id, began=began)
                    case frames.Failed(id=job_id, began=began) if job_id in self._jobs:
                        self._end(job_id, from_code(message.code, message.message, message.param), began)
                    case frames.Refused(reason=reason):
                        return reason
                    case frames.Loaded(seconds=seconds):
                        silence.most = self._restarts.loaded()
                        tasks.start_soon(self._prove, seconds)
        return f"the worker gave no sign of life for {silence.most:g} s"

    async def _prove(self, load_seconds: float) -> None:
        """Ready means: it has answered a real request."""
        self._detail = "the model is being warmed"
        started = anyio.current_time()
        try:
            async with self._exchange(self._probe.job, self._probe.payload) as parts:
                async for _ in parts:
                    pass
        except ApplianceError as error:
            log.error("warm-up failed", stage=self.role, code=error.code)
            if self._process is not None:
                self._process.kill()
            return
        self._state, self._detail = "ready", "ready"
        load_s, warm_s = round(load_seconds, 3), round(anyio.current_time() - started, 3)
        metrics.LOAD_SECONDS.labels(self.role).set(load_s + warm_s)
        log.info("stage ready", stage=self.role, model=self._spec.name, load_s=load_s, warm_s=warm_s)

    def _end(self, job_id: int, error: ApplianceError | None = None, began: float | None = None) -> None:
        """The worker is done with a job, whose place is free from now on, however slowly its client reads."""
        self._jobs.pop(job_id).end(error, began)

    def _drop_unread(self, now: float) -> None:
        for job_id, parts in list(self._jobs.items()):
            since = parts.waiting_since
            if since is not None and now - since > self._watch.reader_seconds:
                self._end(job_id, DeadlineExceeded("The answer was not taken in time."))
                self.tell(frames.Abort(job_id))
