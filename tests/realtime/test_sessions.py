"""Sessions opened, used and dropped at random against a real `appliance serve`: nothing of them stays."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from caller import RATE, SILENCE, at_24k
from conftest import descriptors, serving
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.long

AT_ONCE = 8
PATIENCE_SECONDS = 6
"""After so long without an event a session is left: often none comes any more."""
WARMING = {"everyday": 8, "soak": 100}
"""Sessions before the first look."""
ROUNDS = {"everyday": [5, 5], "soak": [42] * 5}
"""Sessions between two looks."""
LONGEST = (
    "The kitchen light and the lamp beside the window of the small room that looks out on the garden behind the old"
    " house should both be switched on when somebody comes home in the evening after the sun has gone down"
)
"""A clause without a pause, longer than any that a session's answer has."""
LEAK_BYTES = 1_800_000
"""In a round. What leaks grows in every one of them. An engine's memory grows now and then by tens of megabytes, when
more happens at once than ever before, and stays there."""
PIECE = RATE // 5


async def session(url: str, words: bytes, dice: random.Random) -> str:
    """One of them; how it ended."""
    detection = dice.choice(["server_vad", "semantic_vad", None])
    opening: Any = connect(f"{url.replace('http', 'ws', 1)}/v1/realtime?model=default", max_size=None)
    async with opening as socket:
        await socket.recv()

        async def send(kind: str, **fields: Any) -> None:
            await socket.send(json.dumps({"type": kind, **fields}))

        audio = {"input": {"turn_detection": {"type": detection} if detection else None, "transcription": {}}}
        await send("session.update", session={"audio": audio, "max_output_tokens": dice.choice([1, 8, 40])})
        for _ in range(dice.randrange(1, 4)):
            spoken = words + SILENCE if dice.random() < 0.7 else words[: dice.randrange(2, len(words)) & ~1]
            for start in range(0, len(spoken), PIECE):
                await send("input_audio_buffer.append", audio=base64.b64encode(spoken[start : start + PIECE]).decode())
            if detection is None:
                await send("input_audio_buffer.commit")
                await send("response.create")
            for _ in range(dice.randrange(4)):
                await send(
                    *dice.choice(
                        [("response.cancel",), ("response.create",), ("input_audio_buffer.clear",), ("nonsense",)]
                    )
                )
            for _ in range(dice.randrange(12)):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    event = json.loads(await socket.recv())
                assert event.get("error", {}).get("code") != "internal_error", event
                if event["type"] == "response.done":
                    break
            if dice.random() < 0.3:
                socket.transport.abort()
                return "dropped"
    return "closed"


async def longest(url: str) -> None:
    """Engines keep what the longest clause and the longest utterances took: they have met them after this."""
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        spoken = await client.post("/v1/audio/speech", json={"input": LONGEST, "response_format": "wav"})
        files = {"file": ("longest.wav", spoken.content)}
        heard = await asyncio.gather(*(client.post("/v1/audio/transcriptions", files=files) for _ in range(AT_ONCE)))
    assert {answer.status_code for answer in (spoken, *heard)} == {200}


async def many(url: str, words: bytes, count: int, seed: int) -> None:
    """So many sessions, a few at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            with contextlib.suppress(TimeoutError, ConnectionClosed):
                await session(url, words, random.Random(seed + number))

    await asyncio.gather(*(one(number) for number in range(count)))


def figure(url: str, name: str) -> float:
    text = httpx.get(f"{url}/metrics", timeout=60).text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


def settled(url: str, tasks: float) -> None:
    """Wait until nothing is under way any more; the box says so itself."""
    for _ in range(600):
        busy = figure(url, "appliance_live_sessions") + figure(url, "appliance_stage_in_flight")
        if not busy and (not tasks or figure(url, "appliance_tasks") <= tasks):
            return
        httpx.get(f"{url}/health/live", timeout=60)
    names = ("appliance_live_sessions", "appliance_stage_in_flight", "appliance_tasks")
    raise AssertionError({name: figure(url, name) for name in names})


def grown(looks: Sequence[int]) -> int:
    """By how much at least in each round. A pool has a thread more now and then, an engine's memory some megabytes."""
    return min(later - earlier for earlier, later in pairwise(looks))


@pytest.mark.parametrize("size", ["everyday", pytest.param("soak", marks=pytest.mark.soak)])
def test_sessions_leave_nothing_behind(tmp_path: Path, size: str) -> None:
    with serving(tmp_path / "log", APPLIANCE_LLM__CACHE_MB="0") as (process, url):
        server = psutil.Process(process.pid)
        spoken = {"input": "What is the weather like today?", "response_format": "wav"}
        words = at_24k(httpx.post(f"{url}/v1/audio/speech", json=spoken, timeout=60).content)
        if size == "soak":
            asyncio.run(longest(url))
        asyncio.run(many(url, words, WARMING[size], 1000))
        settled(url, 0)
        everyone = [server, *server.children()]
        tasks = figure(url, "appliance_tasks")
        before = [each.num_fds() for each in everyone]
        looks = [[(each.num_threads(), each.memory_full_info().uss) for each in everyone]]
        for number, count in enumerate(ROUNDS[size]):
            asyncio.run(many(url, words, count, 100 * number))
            settled(url, tasks)
            looks.append([(each.num_threads(), each.memory_full_info().uss) for each in everyone])
        assert [each.pid for each in everyone] == [server.pid, *(child.pid for child in server.children())]
        for each, most, seen in zip(everyone, before, zip(*looks, strict=True), strict=True):
            assert descriptors(each, most) <= most, each.cmdline()
            threads, memory = zip(*seen, strict=True)
            assert grown(threads) <= 0, (each.cmdline(), threads)
            if size == "soak":  # a few sessions do not meet the longest utterance and the longest clause
                assert grown(memory) < LEAK_BYTES, (each.cmdline(), memory)
    assert '"level": "error"' not in (tmp_path / "log").read_text()
