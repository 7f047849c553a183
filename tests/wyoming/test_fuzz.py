"""A hundred thousand things that are no protocol, at a real box: an error or an end each time, and nothing grows."""

from __future__ import annotations

import json
import random
import socket
from typing import TYPE_CHECKING, Any, Final

import httpx
import psutil
import pytest
from conftest import descriptors
from door import wyoming_box
from wyoming.event import Event
from wyoming.ping import Ping

from appliance.wyoming.frames import MOST_HEAD, MOST_PAYLOAD, frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.long

CASES: Final = 100_000
WARM: Final = 5_000
AT_ONCE: Final = 20
"""Cases that are sent on one connection each before any is looked at."""
MOST_GROWTH: Final = 24_000_000
"""Bytes: what an allocator keeps, but less than one in a hundred cases would leave behind."""
KINDS: Final = (
    "describe", "ping", "transcribe", "audio-start", "audio-chunk", "audio-stop", "synthesize", "synthesize-start",
    "synthesize-chunk", "synthesize-stop", "transcript", "detect", "run-pipeline", "select-program", "played", "x",
)  # fmt: skip
VALUES: Final[tuple[Any, ...]] = (
    None, True, -1, 0, 1, 16_000, 1e300, 10**30, "", "x", "\u0000", "é" * 300, [], [[]], {},
    {"name": 3}, [1, "x"], {"a": {"b": []}},
)  # fmt: skip
FIELDS: Final = (
    "text", "name", "names", "rate", "width", "channels", "voice", "language", "context", "start_stage", "end_stage",
    "wake_word_names", "announce_text", "restart_on_end", "timestamp", "transcript_names",
)  # fmt: skip


def event(chance: random.Random) -> bytes:
    """A frame in good form, whose content is anything."""
    data = {chance.choice(FIELDS): chance.choice(VALUES) for _ in range(chance.randrange(4))}
    return frame(Event(chance.choice(KINDS), data, chance.randbytes(chance.randrange(64)) or None))


def wrong_length(chance: random.Random) -> bytes:
    length: Any = chance.choice((-1, 1, 3, 10_000, MOST_PAYLOAD + 1, 2**31, 2**63, 1.5, "7", None, []))
    head = {"type": chance.choice(KINDS), chance.choice(("data_length", "payload_length")): length}
    return json.dumps(head).encode() + b"\n" + chance.randbytes(chance.randrange(40))


def half(chance: random.Random) -> bytes:
    whole = event(chance)
    return whole[: chance.randrange(len(whole))]


def noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(1, 200))


def huge_head(chance: random.Random) -> bytes:
    return b'{"type": "ping", "data": {"text": "' + b"x" * chance.choice((MOST_HEAD - 40, MOST_HEAD, MOST_HEAD + 4096))


def deep(chance: random.Random) -> bytes:
    return b'{"type": "ping", "data": ' + chance.choice((b"[", b'{"a":')) * 5_000 + b"\n"


def bent(chance: random.Random) -> bytes:
    whole = bytearray(event(chance))
    for _ in range(chance.randrange(1, 4)):
        whole[chance.randrange(len(whole))] = chance.randrange(256)
    return bytes(whole)


MAKERS: Final[tuple[Callable[[random.Random], bytes], ...]] = (event, wrong_length, half, noise, bent)
RARE: Final[tuple[Callable[[random.Random], bytes], ...]] = (huge_head, deep)


def play(port: int, chance: random.Random, count: int) -> int:
    """So many cases, each at the end of what its connection says; how many were answered by an error."""
    told = 0
    while count > 0:
        connections = []
        for _ in range(min(AT_ONCE, count)):
            maker = chance.choice(RARE if chance.random() < 0.01 else MAKERS)
            made = socket.create_connection(("127.0.0.1", port), timeout=60)
            made.sendall(maker(chance))
            connections.append(made)
        for made in connections:
            made.shutdown(socket.SHUT_WR)  # nothing more comes
        for made in connections:
            with made:
                told += b'"type":"error"' in everything(made)
        count -= len(connections)
    return told


def everything(made: socket.socket) -> bytes:
    """All that is said, to the end: if there is none, this takes too long, and fails."""
    said = b""
    try:
        while piece := made.recv(65_536):
            said += piece
    except ConnectionError:
        pass  # it was closed with something of ours unread
    return said


def test_nothing_gets_stuck_or_grows(tmp_path: Path) -> None:
    chance = random.Random(9)
    with wyoming_box(tmp_path / "log") as (url, port, pid):
        process = psutil.Process(pid)
        play(port, chance, WARM)
        files, threads = process.num_fds(), process.num_threads()
        before = process.memory_info().rss
        told = play(port, chance, CASES)
        assert told > CASES / 10
        assert process.memory_info().rss - before < MOST_GROWTH
        assert descriptors(process, files) <= files
        assert process.num_threads() <= threads
        with socket.create_connection(("127.0.0.1", port), timeout=60) as made:
            made.sendall(frame(Ping("still there?").event()))
            assert b"pong" in made.recv(4096)
        stages = httpx.get(f"{url}/health/ready").raise_for_status().json()["stages"]
        assert {name: (stage["restarts"], stage["in_flight"]) for name, stage in stages.items()} == dict.fromkeys(
            stages, (0, 0)
        )
        figures = httpx.get(f"{url}/metrics").text
        assert 'appliance_wyoming_open{side="client"} 0.0' in figures
        assert 'appliance_errors_total{code="internal_error"} 0.0' in figures
