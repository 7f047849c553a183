"""What the capacity model starts from: a running box's stages, each with the machine to itself, through the doors."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import anyio
import click
import httpx

from appliance.cli.line import LineError, Mouth, dial
from appliance.errors import one_error
from benchmarks import chats
from benchmarks.footprint import cpu_seconds, idle_share
from benchmarks.model import Stages
from benchmarks.speakers import TELL, Rhythm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.box import Box

AT_ONCE: Final = (1, 2, 4, 8)
WORDS: Final = 100
"""Of the prompt whose reading is timed: some 600 tokens."""
DETECT_SECONDS: Final = 8.0
IDLE_SECONDS: Final = 5.0
TEXTS: Final = (
    "Yes, that is right.",
    "The old harbour lies between two hills. Every morning the fishers go out to the sea, and come home at night.",
)
SPEECH_RATE: Final = 24_000


def measured(box: Box, files: Sequence[Path], rounds: int = 5, *, shared: bool = True) -> Stages:
    """Medians of so many rounds, after one that warms. `shared`: no stage has a GPU."""
    with httpx.Client(base_url=box.url, timeout=120.0) as client:
        listen = {count: _listened(client, files, count, rounds) for count in AT_ONCE}
        read = _read(client, rounds)
        write = {count: _written(box, count, rounds) for count in AT_ONCE}
        (short_s, short), (long_s, long) = (_spoken(client, text, rounds) for text in TEXTS)
    factor = max(0.0, (long_s - short_s) / (long - short))
    detect = max(0.0, _detected(box) - idle_share(box.pid, IDLE_SECONDS)) / len(os.sched_getaffinity(0))
    return Stages(box.url, shared, listen, write, read, max(0.0, short_s - factor * short), factor, detect)


def _median(rounds: int, once: Callable[[], float]) -> float:
    return statistics.median([once() for _ in range(rounds + 1)][1:])


def _listened(client: httpx.Client, files: Sequence[Path], count: int, rounds: int) -> float:
    click.echo(f"listening, {count} at once", err=True)
    file = sorted(files, key=lambda each: each.stat().st_size)[len(files) // 2]
    sound = file.name, file.read_bytes()  # one of usual length; several at once are as long as one alone

    def heard(_: int) -> None:
        asked = {"file": sound}
        client.post("/v1/audio/transcriptions", files=asked, data={"language": "en"}).raise_for_status()

    def once() -> float:
        began = time.perf_counter()
        with ThreadPoolExecutor(count) as threads:
            list(threads.map(heard, range(count)))
        return time.perf_counter() - began

    return _median(rounds, once)


def _chats(box: Box, prompts: Sequence[str], tokens: int) -> list[chats.Stream]:
    bodies = [
        {"messages": [{"role": "user", "content": text}], "max_tokens": tokens, "temperature": 0} for text in prompts
    ]
    streams = asyncio.run(chats.chats(box.port, bodies, [0.0] * len(bodies)))
    if error := next((stream.error for stream in streams if stream.error), ""):
        raise click.ClickException(f"a request of the benchmark failed: {error}")
    return streams


def _read(client: httpx.Client, rounds: int) -> float:
    """Tokens of a prompt a second: a long one beside a short one, neither of them read before."""
    click.echo("reading prompts", err=True)
    seed = time.time_ns() % 1_000_000

    def once(number: int, words: int) -> tuple[int, float]:
        said = f"Case {seed + number}. " + " ".join(f"item {number} {word}" for word in range(words))
        body = {"messages": [{"role": "user", "content": said}], "max_tokens": 1}
        began = time.perf_counter()
        usage = client.post("/v1/chat/completions", json=body).raise_for_status().json()["usage"]
        return usage["prompt_tokens"], time.perf_counter() - began

    rates = []
    for number in range(rounds + 1):
        (few, quick), (many, slow) = once(2 * number, 5), once(2 * number + 1, WORDS)
        rates.append((many - few) / max(1e-6, slow - quick))
    return statistics.median(rates[1:])


def _written(box: Box, count: int, rounds: int) -> float:
    """Tokens a second of all replies together, from the first one's first to the last one's last."""
    click.echo(f"writing, {count} at once", err=True)

    def once() -> float:
        prompts = [f"Tell a very long story about the number {number}." for number in range(count)]
        streams = _chats(box, prompts, 48)
        first, last = min(stream.times[0] for stream in streams), max(stream.times[-1] for stream in streams)
        return sum(stream.tokens - 1 for stream in streams) / max(1e-6, last - first)

    return _median(rounds, once)


def _spoken(client: httpx.Client, text: str, rounds: int) -> tuple[float, float]:
    """Seconds that it takes, and seconds of sound."""
    click.echo("speaking", err=True)
    taken, sound = [], []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        pcm = client.post("/v1/audio/speech", json={"input": text, "response_format": "pcm"}).raise_for_status().content
        taken.append(time.perf_counter() - began)
        sound.append(len(pcm) / 2 / SPEECH_RATE)
    return statistics.median(taken[1:]), statistics.median(sound[1:])


def _detected(box: Box) -> float:
    """Cores that one microphone that is on takes."""
    click.echo("listening for turns", err=True)

    async def silent() -> float:
        with one_error(LineError):
            async with dial(box.url, None, Rhythm().session() | {"instructions": TELL}, lambda _: None) as line:
                mouth = Mouth(line)
                await mouth.silence(1.0)
                before, began = cpu_seconds(box.pid), time.perf_counter()
                await mouth.silence(DETECT_SECONDS)
                return (cpu_seconds(box.pid) - before) / (time.perf_counter() - began)
        raise AssertionError  # it returns, or raises

    return anyio.run(silent)
