"""The child's side: `python -m appliance.engines.worker ROLE --fd N`, one engine in one process.

Three threads. The main one owns the engine and is the only one to touch it. One reads frames into an inbox. One
sends a heartbeat that carries the engine's step count, so that the parent can tell a long job from a stuck one.
The process ends with its parent: by `PR_SET_PDEATHSIG` and, where that is missing, by the end of the socket.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from appliance import logs
from appliance.engines import cuda, frames
from appliance.engines.faults import ModelRefused
from appliance.engines.holding import Holding
from appliance.engines.specs import AnySpec, Encoder, Llama, Piper, Turn, Whisper
from appliance.jobs import ROLES, is_awaited

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.engines.figures import Figures
    from appliance.engines.interleave import Emission, Engine
    from appliance.engines.specs import AnySpec

log = logs.logger(__name__)

IDLE_SECONDS: Final = 0.5
"""Time without work after which the engine may tidy up."""

PR_SET_PDEATHSIG: Final = 1

# The library behind an engine is imported in its worker only: nothing else may pay for it, or share its licence.
ENGINES: Final = {
    Whisper: "appliance.engines.whisper",
    Llama: "appliance.engines.llama.loading",
    Encoder: "appliance.engines.llama.encoder",
    Piper: "appliance.engines.piper",
    Turn: "appliance.engines.turn.engine",
}


def load_engine(spec: AnySpec) -> Engine:
    """Load a model and warm it."""
    if isinstance(spec, Whisper | Llama | Encoder):  # the others run on the CPU
        cuda.preload()
    engine: Engine = importlib.import_module(ENGINES[type(spec)]).load(spec)
    return engine


class Connection:
    """The socket to the parent. Sending is safe from any thread."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._sending = threading.Lock()

    def send(self, *encoded: bytes) -> None:
        """Send frames together; ends the process if the parent is gone."""
        try:
            with self._sending:
                self._socket.sendall(b"".join(encoded))
        except OSError:
            os._exit(0)

    def receive(self) -> tuple[frames.ToWorker, bytes]:
        """Receive one frame; ends the process if the parent is gone."""
        message_length, payload_length = frames.LENGTHS.unpack(self._exactly(frames.LENGTHS.size))
        message = frames.decode_to_worker(self._exactly(message_length))
        return message, self._exactly(payload_length)

    def _exactly(self, length: int) -> bytes:
        data = bytearray(length)
        view, filled = memoryview(data), 0
        while filled < length:
            count = self._socket.recv_into(view[filled:])
            if count == 0:
                os._exit(0)
            filled += count
        return bytes(data)


class Worker:
    """Drives one engine until the parent ends."""

    def __init__(self, connection: Connection, load: Callable[[AnySpec], Engine]) -> None:
        self._connection = connection
        self._load = load
        self._inbox: deque[tuple[frames.ToWorker, bytes]] = deque()  # the host's admission bounds it
        self._arrived = threading.Condition()
        self._holding = Holding()
        self._steps = 0
        self._busy = False
        self._figures: Callable[[], Figures | None] = lambda: None

    def run(self) -> None:
        """Load, then serve for ever."""
        message, _ = self._connection.receive()
        if not isinstance(message, frames.Load):
            raise TypeError("the first frame must be Load")
        logs.configure(message.log_level, "json" if message.log_format == "json" else "human")
        threading.Thread(target=self._beat, args=(message.beat_seconds,), daemon=True).start()
        started = time.monotonic()
        try:
            engine = self._load(message.spec)
        except ModelRefused as refusal:
            log.error("model refused", model=message.spec.name, reason=str(refusal))
            self._connection.send(frames.encode(frames.Refused(str(refusal))))
            sys.exit(1)
        self._figures = engine.figures
        # The collector would look through all that a model brings, 30 ms each time, in the middle of somebody's reply.
        gc.collect()
        gc.freeze()
        self._connection.send(frames.encode(frames.Loaded(time.monotonic() - started)))
        threading.Thread(target=self._receive, daemon=True).start()
        while True:
            self._rest(engine)
            for arrived, payload in self._take():
                self._deliver(engine, arrived, payload)
            if held := self._holding.seconds:
                self._wait(held)
                continue
            busy = engine.busy
            said = [self._frame(engine, emission) for emission in engine.step()]
            if said:
                self._connection.send(*said)
            if busy:
                self._holding.stepped()
            self._steps += 1

    def _wait(self, seconds: float) -> None:
        """Leave the cores to another worker until then, or until something comes."""
        with self._arrived:
            if not self._inbox:
                self._arrived.wait(seconds)
        self._steps += 1

    def _rest(self, engine: Engine) -> None:
        """Wait for work, and tidy up one thing after the other while there is none."""
        while not engine.busy:
            with self._arrived:
                self._busy = False
                if self._inbox or self._arrived.wait(IDLE_SECONDS if engine.untidy else None):
                    return
                self._busy = True
            engine.tidy()
            self._steps += 1

    def _take(self) -> list[tuple[frames.ToWorker, bytes]]:
        with self._arrived:
            self._busy = True
            taken = list(self._inbox)
            self._inbox.clear()
        return taken

    def _deliver(self, engine: Engine, message: frames.ToWorker, payload: bytes) -> None:
        match message:
            case frames.Start(id=job_id, job=job, request_id=request_id, window=window, user=user):
                self._holding.started(job_id, user, live=is_awaited(job))
                engine.submit(job_id, job, payload, request_id=request_id, window=window, user=user)
            case frames.Grant(id=job_id, parts=parts):
                engine.grant(job_id, parts)
            case frames.Promote(id=job_id):
                self._holding.promoted(job_id)
                engine.promote(job_id)
            case frames.Hold():
                self._holding.told(message)
            case frames.Abort(id=job_id):
                self._holding.ended(job_id)
                engine.abort(job_id)
                log.debug("job aborted", job=job_id)
            case _:
                log.error("unexpected frame", frame=type(message).__name__)

    def _frame(self, engine: Engine, emission: Emission) -> bytes:
        if emission.part is None:
            self._holding.ended(emission.id)
        if emission.error is not None:
            error = emission.error
            return frames.encode(frames.Failed(emission.id, error.code, error.message, error.param, emission.began))
        if emission.part is None:
            return frames.encode(frames.Done(emission.id, emission.began))
        try:
            emit = frames.Emit(emission.id, emission.part, emission.began)
            return frames.encode(emit, emission.payload) + emission.payload
        except (TypeError, ValueError) as error:  # a part that cannot be encoded must not end the worker
            log.error("part not encoded", **logs.place_of(error))
            engine.abort(emission.id)
            self._holding.ended(emission.id)
            return frames.encode(frames.Failed(emission.id, "internal_error", "The engine's answer is unusable."))

    def _receive(self) -> None:
        while True:
            try:
                frame = self._connection.receive()
            except Exception as error:  # noqa: BLE001 - a worker that cannot hear must not seem alive
                log.error("frame not read", **logs.place_of(error))
                os._exit(1)
            with self._arrived:
                self._inbox.append(frame)
                self._arrived.notify()

    def _beat(self, every: float) -> None:
        while True:
            self._connection.send(frames.encode(frames.Beat(self._steps, self._busy, self._figures())))
            time.sleep(every)


def main(load: Callable[[AnySpec], Engine] = load_engine) -> None:
    """Entry point of a worker process."""
    parser = argparse.ArgumentParser(description="One engine of the appliance, driven by its host over a socket.")
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--fd", type=int, required=True, help="inherited descriptor of the socket to the host")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        ctypes.CDLL(None).prctl(15, f"appliance-{arguments.role}".encode())
    Worker(Connection(arguments.fd), load).run()


if __name__ == "__main__":
    main()
