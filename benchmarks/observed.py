"""What it costs to be observed: the same turns, in turn, to two boxes, of which one counts nothing.

The observed one has all figures, and sends its traces to a listener on this machine. Every second turn of it, somebody
asks for the figures as it begins and every second from then on: so it is for the few turns into which one of
Prometheus' questions falls (`EVERY_SECONDS`). It is left alone while the other one answers, and takes no core from it.
"""

from __future__ import annotations

import statistics
import threading
from contextlib import ExitStack, contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, Self

import httpx

from appliance.settings import SECTIONS
from benchmarks.figures import Figure, made_of, ratio
from benchmarks.live import ALIKE
from benchmarks.progress import rounds
from benchmarks.staged import streamed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.bench import Bench
    from benchmarks.box import Box

    Taken = tuple[float, float]
    """Seconds to the first audio, and to the end."""

COST: Final = 1.02
"""Times as long a turn may take: less than 2 % more."""
SECONDS: Final = 240.0
MOST, QUICK = 100, 3
SCRAPE_SECONDS: Final = 1.0
EVERY_SECONDS: Final = 15.0
"""Between two questions of Prometheus, as the monitoring role has it."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Ratios are of turns of one round, one right after the other."""
    question = bench.speech.turns[0].file.read_bytes()
    taken: dict[str, list[Taken]] = {kind: [] for kind in ("", "_asked", "_blind")}
    with ExitStack() as stack:
        observed = stack.enter_context(bench.box({**ALIKE, **stack.enter_context(trace_listener())}))
        blind = stack.enter_context(bench.box(ALIKE, module="benchmarks.unobserved"))
        scraped = stack.enter_context(Scraped(observed))
        seeing, unseeing = stack.enter_context(bench.client(observed)), stack.enter_context(bench.client(blind))
        for number in rounds("turns of both", QUICK if bench.quick else MOST, SECONDS, warm=2):
            kinds = list(taken)
            for kind in kinds[number % 3 :] + kinds[: number % 3]:
                with scraped.now() if kind == "_asked" else nullcontext():
                    one = streamed(unseeing if kind == "_blind" else seeing, question)
                if number:  # the first ones warm what only a turn warms
                    taken[kind].append((one.seconds, one.whole_seconds))
        yield Figure("observed_scrapes", scraped.count)
    for place, name in enumerate(("first_audio", "whole_turn")):
        seconds = {kind: [1000 * one[place] for one in each] for kind, each in taken.items()}
        for kind, each in seconds.items():
            yield made_of(f"observed_{name}{kind}", each, "ms")
        yield ratio(f"observed_{name}_over_blind", seconds[""], seconds["_blind"], at_most=COST)
        asked = ratio(f"observed_{name}_asked_over_blind", seconds["_asked"], seconds["_blind"], lower_is_better=True)
        yield asked
        often = min(1.0, statistics.median(seconds[""]) / 1000 / EVERY_SECONDS)
        usual = statistics.median(a / b for a, b in zip(seconds[""], seconds["_blind"], strict=True))
        yield Figure(f"observed_{name}_all_over_blind", usual + often * (asked.value - usual), "times", at_most=COST)


class Scraped:
    """A box that is asked for its figures every second while `now`; whoever leaves ends it."""

    def __init__(self, box: Box) -> None:
        self._box, self.count = box, 0
        self._wanted, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._wanted.set()
        self._thread.join()

    @contextmanager
    def now(self) -> Iterator[None]:
        """Asked at once, and again and again."""
        self._wanted.set()
        try:
            yield
        finally:
            self._wanted.clear()

    def _run(self) -> None:
        with httpx.Client(base_url=self._box.url, timeout=60) as client:
            while True:
                self._wanted.wait()
                if self._over.is_set():
                    return
                client.get("/metrics").raise_for_status()
                self.count += 1
                self._over.wait(SCRAPE_SECONDS)


@contextmanager
def trace_listener() -> Iterator[Mapping[str, str]]:
    """Settings that have traces sent to somebody who takes them and does nothing; none where a box sends no traces."""
    if "telemetry" not in SECTIONS:
        yield {}
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Taker)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {"APPLIANCE_TELEMETRY__TRACES_TO": f"http://127.0.0.1:{server.server_port}"}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Take what is sent."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is written down."""
