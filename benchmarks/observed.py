"""What it costs to be observed: the same turns, in turn, to two boxes, of which one counts nothing.

The observed one has all figures, is asked for them as a turn begins and every second from then on, and sends its traces
to a listener on this machine. It is left alone while the other one answers, so that it takes no core from it.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import click
import httpx

from appliance.settings import SECTIONS
from benchmarks.box import running
from benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.box import Box

MOST: Final = 1.02
"""Times as long a turn may take: less than 2 % more."""
SCRAPE_SECONDS: Final = 1.0
DRAWS: Final = 2000
ALIKE: Final = {"APPLIANCE_VOICE__TEMPERATURE": "0", "APPLIANCE_VOICE__MAX_REPLY_TOKENS": "40"}
"""Both say the same."""
QUESTION: Final = "Why is the sky blue?"


def measure(state_dir: Path, turns: int, question: bytes | None = None) -> Iterator[Figure]:
    """`turns` pairs. Ratios of medians, each with the interval that holds it in 95 of 100 cases (bootstrap of pairs).

    `question`: a WAV file; by default the box's own voice asks.
    """
    with ExitStack() as stack:
        tracing = stack.enter_context(trace_listener())
        observed = stack.enter_context(running(state_dir, {**ALIKE, **tracing}))
        blind = stack.enter_context(running(state_dir, ALIKE, module="benchmarks.unobserved"))
        scraped = stack.enter_context(Scraped(observed))
        question = question or asked(blind)
        for box in (observed, blind, observed, blind):  # the first ones warm what only a turn warms
            turn(box, question)
        pairs = [pair(scraped, observed, blind, question, first=number % 2 == 0) for number in range(turns)]
        yield Figure("scrapes", scraped.count, "")
    for place, name in enumerate(("first_audio", "whole_turn")):
        over, under = ([taken[side][place] for taken in pairs] for side in (0, 1))
        yield Figure(f"{name}_observed_p50", 1000 * statistics.median(over), "ms")
        yield Figure(f"{name}_blind_p50", 1000 * statistics.median(under), "ms")
        low, high = interval(over, under)
        yield Figure(f"{name}_ratio", ratio(over, under), "times", at_most=MOST)
        yield Figure(f"{name}_ratio_low", low, "times")
        yield Figure(f"{name}_ratio_high", high, "times")


def pair(
    scraped: Scraped, observed: Box, blind: Box, question: bytes, *, first: bool
) -> tuple[tuple[float, float], tuple[float, float]]:
    """One turn of each, the observed one's first in the answer, whichever was asked `first`."""
    if first:
        with scraped.now():
            seen = turn(observed, question)
        return seen, turn(blind, question)
    unseen = turn(blind, question)
    with scraped.now():
        return turn(observed, question), unseen


def turn(box: Box, question: bytes) -> tuple[float, float]:
    """Seconds from a turn's sending to the first audio of its reply, and to its end."""
    started, first = time.perf_counter(), None
    files, data = {"audio": ("q.wav", question)}, {"response_format": "pcm", "language": "en"}
    headers = {"accept": "text/event-stream"}
    with httpx.stream(
        "POST", f"{box.url}/v1/voice/turns", files=files, data=data, headers=headers, timeout=120
    ) as said:
        said.raise_for_status()
        for line in said.iter_lines():
            if first is None and line == "event: turn.audio.delta":
                first = time.perf_counter() - started
    if first is None:
        raise click.ClickException("a turn had no audio")
    return first, time.perf_counter() - started


def asked(box: Box) -> bytes:
    """A question in the box's own voice, as WAV."""
    body = {"input": QUESTION, "response_format": "wav"}
    return httpx.post(f"{box.url}/v1/audio/speech", json=body, timeout=120).raise_for_status().content


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """Of the medians."""
    return statistics.median(over) / statistics.median(under)


def interval(over: Sequence[float], under: Sequence[float]) -> tuple[float, float]:
    """Where the ratio of medians lies in 95 of 100 draws of as many pairs, with putting back."""
    dice, places = random.Random(0), range(len(over))  # noqa: S311 - the same draws each time
    drawn = []
    for _ in range(DRAWS):
        taken = dice.choices(places, k=len(over))
        drawn.append(ratio([over[place] for place in taken], [under[place] for place in taken]))
    drawn.sort()
    return drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS)]


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


@click.command()
@click.option("--quick", is_flag=True, help="Few turns: to see that it works, not to quote.")
@click.option("--turns", default=60, show_default=True, help="Pairs of turns.")
@click.option("--state-dir", type=click.Path(path_type=Path), default=Path(".state"), show_default=True)
def main(*, quick: bool, turns: int, state_dir: Path) -> None:
    """What the figures and traces of a box cost in a turn's latency."""
    for figure in measure(state_dir, 3 if quick else turns):
        click.echo(figure.row())


if __name__ == "__main__":
    main()
