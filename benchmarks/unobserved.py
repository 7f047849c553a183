"""`python -m benchmarks.unobserved serve …`: the appliance with nothing counted, in the server and in its workers.

For comparison alone: it is what `benchmarks.observed` measures the figures' cost against.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any, Final

WORKER: Final = "worker"
COMMAND: Final = (sys.executable, "-m", "benchmarks.unobserved", WORKER)


def nothing(*_: Any, **__: Any) -> None:
    """In the place of whatever counts."""


def blind_server() -> None:
    """Before anything of the server is imported that counts; what it imports then counts into nothing."""
    from prometheus_client import Counter, Gauge, Histogram, Info

    def same(self: Any, *_: Any, **__: Any) -> Any:
        return self

    for kind in (Counter, Gauge, Histogram, Info):
        for name in ("inc", "dec", "set", "set_function", "observe", "info"):
            if hasattr(kind, name):
                setattr(kind, name, nothing)
        setattr(kind, "labels", same)  # noqa: B010 - not as its type has it
        for name in ("time", "track_inprogress"):
            if hasattr(kind, name):
                setattr(kind, name, lambda _: nullcontext())

    from appliance import metrics
    from appliance.engines import accounts, host
    from appliance.web import gate

    async def asleep() -> None:
        """In the place of looking at the loop."""

    defaults: Any = host.EngineHost.__init__.__kwdefaults__
    defaults["command"] = COMMAND
    for module, name, instead in (
        (metrics, "watch_loop", asleep),
        (accounts, "_settle", nothing),
        (gate, "Counted", Uncounted),
    ):
        setattr(module, name, instead)


class Uncounted:
    """In the place of `web.sockets.Counted`: a live connection that passes as it is."""

    def __init__(self, app: Any, *connection: Any) -> None:
        self._app, self._connection = app, connection

    async def serve(self) -> None:
        """As the application serves it."""
        await self._app(*self._connection)


def blind_worker() -> None:
    """Nothing is noted, and heartbeats tell of no figures."""
    from appliance.engines import figures, worker

    figures.Tally.note = nothing  # type: ignore[method-assign]
    load = worker.load_engine

    def loaded(spec: Any) -> Any:
        engine: Any = load(spec)
        engine.figures = nothing
        return engine

    worker.main(loaded)


def main() -> None:
    """As `appliance`, or as one of its workers."""
    if sys.argv[1:2] == [WORKER]:
        del sys.argv[1]
        blind_worker()
        return
    blind_server()
    from appliance.cli import main as appliance

    appliance()


if __name__ == "__main__":
    main()
