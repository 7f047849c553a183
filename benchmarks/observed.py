"""What it costs to be observed: the same turns, in turn, to two boxes, of which one counts nothing.

The observed one has all figures, is asked for them as a turn begins and every second from then on, and sends its traces
to a listener on this machine. It is left alone while the other one answers, so that it takes no core from it.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final, Self

import click
import httpx

from appliance.settings import SECTIONS
from benchmarks.figures import Figure, made_of, ratio
from benchmarks.progress import rounds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.bench import Bench
    from benchmarks.box import Box

    Pair = tuple[tuple[float, float], tuple[float, float]]
    """Of the observed and of the other: seconds to the first audio, and to the end."""

COST: Final = 1.02
"""Times as long a turn may take: less than 2 % more."""
SECONDS: Final = 240.0
MOST, QUICK = 100, 3
SCRAPE_SECONDS: Final = 1.0
ALIKE: Final = {"APPLIANCE_VOICE__TEMPERATURE": "0", "APPLIANCE_VOICE__MAX_REPLY_TOKENS": "40"}
"""Both say the same."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Ratios are of pairs of turns, one right after the other."""
    question = bench.speech.turns[0].file.read_bytes()
    pairs: list[Pair] = []
    with ExitStack() as stack:
        observed = stack.enter_context(bench.box({**ALIKE, **stack.enter_context(trace_listener())}))
        blind = stack.enter_context(bench.box(ALIKE, module="benchmarks.unobserved"))
        scraped = stack.enter_context(Scraped(observed))
        clients = stack.enter_context(bench.client(observed)), stack.enter_context(bench.client(blind))
        for number in rounds("turns of both", QUICK if bench.quick else MOST, SECONDS, warm=2):
            taken = pair(scraped, *clients, question, first=number % 2 == 0)
            if number:  # the first ones warm what only a turn warms
                pairs.append(taken)
        yield Figure("observed_scrapes", scraped.count)
    for place, name in enumerate(("first_audio", "whole_turn")):
        seen, unseen = ([1000 * taken[side][place] for taken in pairs] for side in (0, 1))
        yield made_of(f"observed_{name}", seen, "ms")
        yield made_of(f"observed_{name}_blind", unseen, "ms")
        yield ratio(f"observed_{name}_over_blind", seen, unseen, at_most=COST)


def pair(
    scraped: Scraped, observed: httpx.Client, blind: httpx.Client, question: bytes, *, first: bool
) -> Pair:  # fmt: skip
    """One turn of each, the observed one's first in the answer, whichever was asked `first`."""
    if first:
        with scraped.now():
            seen = turn(observed, question)
        return seen, turn(blind, question)
    unseen = turn(blind, question)
    with scraped.now():
        return turn(observed, question), unseen


def turn(box: httpx.Client, question: bytes) -> tuple[float, float]:
    """Seconds from a turn's sending to the first audio of its reply, and to its end."""
    started, first = time.perf_counter(), None
    files, data = {"audio": ("q.wav", question)}, {"response_format": "pcm", "language": "en"}
    headers = {"accept": "text/event-stream"}
    with box.stream("POST", "/v1/voice/turns", files=files, data=data, headers=headers) as said:
        said.raise_for_status()
        for line in said.iter_lines():
            if first is None and line == "event: turn.audio.delta":
                first = time.perf_counter() - started
    if first is None:
        raise click.ClickException("a turn had no audio")
    return first, time.perf_counter() - started


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
