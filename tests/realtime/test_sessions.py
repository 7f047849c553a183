"""Sessions opened, used and dropped at random against a real `appliance serve`: nothing of them stays."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
import re
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from caller import RATE, SILENCE, at_24k
from conftest import serving
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from pathlib import Path

AT_ONCE = 8
PATIENCE_SECONDS = 6
"""After so long without an event a session is left: often none comes any more."""
SESSIONS = {"everyday": 10, "soak": 200}
WARMING = {"everyday": 8, "soak": 100}
"""Sessions before the first look: engines keep what the longest utterance and the longest clause took."""
MEGABYTES = 1_000_000
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


async def many(url: str, words: bytes, count: int, seed: int) -> None:
    """So many sessions, a few at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            with contextlib.suppress(TimeoutError, ConnectionClosed):
                await session(url, words, random.Random(seed + number))

    await asyncio.gather(*(one(number) for number in range(count)))


def figure(url: str, name: str) -> float:
    text = httpx.get(f"{url}/metrics").text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


def settled(url: str, tasks: float) -> None:
    """Wait until nothing is under way any more; the box says so itself."""
    for _ in range(600):
        busy = figure(url, "appliance_live_sessions") + figure(url, "appliance_stage_in_flight")
        if not busy and (not tasks or figure(url, "appliance_tasks") <= tasks):
            return
        httpx.get(f"{url}/health/live")
    names = ("appliance_live_sessions", "appliance_stage_in_flight", "appliance_tasks")
    raise AssertionError({name: figure(url, name) for name in names})


def descriptors(process: psutil.Process, most: int) -> int:
    """How many files and sockets are open, once there are no more than `most`: the last request's socket takes a moment
    to go after its client has it all."""
    count = int(process.num_fds())
    for _ in range(20_000):
        if count <= most:
            break
        count = int(process.num_fds())
    return count


@pytest.mark.parametrize("size", ["everyday", pytest.param("soak", marks=pytest.mark.soak)])
def test_sessions_leave_nothing_behind(tmp_path: Path, size: str) -> None:
    with serving(tmp_path / "log", APPLIANCE_LLM__CACHE_MB="0") as (process, url):
        server = psutil.Process(process.pid)
        spoken = {"input": "What is the weather like today?", "response_format": "wav"}
        words = at_24k(httpx.post(f"{url}/v1/audio/speech", json=spoken, timeout=60).content)
        asyncio.run(many(url, words, WARMING[size], 1000))
        settled(url, 0)
        everyone = [server, *server.children()]
        tasks = figure(url, "appliance_tasks")
        before = [(each.num_fds(), each.num_threads(), each.memory_full_info().uss) for each in everyone]
        asyncio.run(many(url, words, SESSIONS[size], 0))
        settled(url, tasks)
        after = [
            (descriptors(each, fds), each.num_threads(), each.memory_full_info().uss)
            for each, (fds, _, _) in zip(everyone, before, strict=True)
        ]
        assert [each.pid for each in everyone] == [server.pid, *(child.pid for child in server.children())]
        for (fds, threads, memory), (fds_now, threads_now, memory_now) in zip(before, after, strict=True):
            assert fds_now <= fds
            assert threads_now <= threads
            if size == "soak":  # a few sessions do not meet the longest utterance and the longest clause
                assert memory_now - memory < 40 * MEGABYTES
    assert '"level": "error"' not in (tmp_path / "log").read_text()
