"""What need not be done twice: a clause that was spoken before, and a recording that was heard before.

The same request again and again over one connection that is kept; the box says each time whether it had the answer.
"""

from __future__ import annotations

import http.client
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import click
import httpx

from benchmarks.figures import Figure, percentile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.box import Box

SETTINGS: Final = {"APPLIANCE_CACHE__SPEECH_MB": "256", "APPLIANCE_CACHE__TRANSCRIPTS_MB": "32"}
CLAUSES: Final = (
    "The sky is blue because air scatters short waves most.", "Birds fly by pushing the air down.",
    "Yes, that would be a good idea.", "Let me think about that for a moment.",
    "The sea is about four kilometres deep on average.", "I am sorry, I did not quite get that.",
)  # fmt: skip
ANSWER_SECONDS: Final = 60.0
HIT_SECONDS: Final = 0.010
"""A kept answer begins within so long, in 95 of 100 cases."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """How many different things are asked once, and how often one of them is asked again."""

    cold: int
    warm: int


FULL, QUICK = Rounds(6, 200), Rounds(3, 50)


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds until the first byte of the answer's body, and until its last."""

    first: float
    whole: float


def measure(box: Box, recordings: Sequence[Path], rounds: Rounds) -> Iterator[Figure]:
    """All figures of the caches; the box must not have been asked anything yet."""
    asks = [box.url + "/v1/audio/speech", box.url + "/v1/audio/transcriptions"]
    spoken = [httpx.Request("POST", asks[0], json=_speech(clause)) for clause in CLAUSES[: rounds.cold]]
    heard = []
    for file in recordings[: rounds.cold]:
        parts = {"file": (file.name, file.read_bytes())}
        heard.append(httpx.Request("POST", asks[1], files=parts, data={"language": "en"}))
    warming = httpx.Request("POST", asks[0], json=_speech("This is said only once."))
    for name, requests in (("speech", [warming, *spoken]), ("transcript", heard)):
        door = _Door(box.port)
        cold = []
        for number, request in enumerate(requests):
            click.echo(f"{name} for the first time, {number + 1} of {len(requests)}", err=True)
            taken = door.ask(request, "miss")
            if request is not warming:
                cold.append(taken)
        click.echo(f"{name} again, {rounds.warm} times", err=True)
        again = [door.ask(requests[-1], "hit") for _ in range(rounds.warm + 1)][1:]  # the first warms
        door.close()
        yield from _spread(f"cache_{name}_miss", cold, (50,), None)
        yield from _spread(f"cache_{name}_hit", again, (50, 95, 99), HIT_SECONDS)
        saved = statistics.median(each.whole for each in cold) / statistics.median(each.whole for each in again)
        yield Figure(f"cache_{name}_miss_over_hit", saved)


class _Door:
    """One connection to the box."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        self._connection.connect()
        self._socket = self._connection.sock

    def ask(self, request: httpx.Request, expected: Literal["hit", "miss"]) -> Taken:
        """Send one request. Raises where the answer is not from where it should be, or the connection was not kept."""
        body, headers = request.read(), dict(request.headers)
        began = time.perf_counter()
        self._connection.request(request.method, request.url.path, body, headers)
        answer = self._connection.getresponse()
        answer.read(1)
        first = time.perf_counter() - began
        answer.read()
        whole = time.perf_counter() - began
        outcome = answer.getheader("x-cache")
        if answer.status != 200 or outcome != expected:
            raise click.ClickException(f"{request.url.path}: {answer.status}, x-cache {outcome!r}, not {expected!r}")
        if self._connection.sock is not self._socket:
            raise click.ClickException(f"{request.url.path}: the connection was not kept")
        return Taken(first, whole)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _speech(text: str) -> dict[str, str]:
    return {"input": text, "response_format": "pcm"}


def _spread(name: str, taken: Sequence[Taken], shares: Sequence[int], goal: float | None) -> Iterator[Figure]:
    for share in shares:
        at_most = 1000 * goal if goal is not None and share == 95 else None
        first = percentile([each.first for each in taken], share / 100)
        yield Figure(f"{name}_first_byte_p{share}", 1000 * first, "ms", at_most=at_most)
    for share in shares:
        yield Figure(f"{name}_whole_p{share}", 1000 * percentile([each.whole for each in taken], share / 100), "ms")
