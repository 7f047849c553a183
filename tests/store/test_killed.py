"""The service is killed at random moments under load: what a client saw done is on disk, once; the file is whole."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

pytestmark = pytest.mark.long

SERVER = Path(__file__).with_name("scripted_box.py")
WAYS = ("chat", "turn", "live")
START_SECONDS = 60
PATIENCE_SECONDS = 20.0


class Victim:
    """A box that is killed and started again, on the same port and the same disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held = socket.socket()  # it never listens: nobody else is given the port while the box is dead
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self.port = self._held.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.up = asyncio.Event()

    async def start(self) -> None:
        """Returns when it answers."""
        command = [sys.executable, str(SERVER), str(self.port), str(self.folder)]
        self._process = subprocess.Popen(command)  # noqa: ASYNC220 - it returns at once, and is waited for elsewhere
        deadline = time.monotonic() + START_SECONDS
        async with httpx.AsyncClient() as client:
            while True:
                assert self._process.poll() is None, "the box did not start"
                assert time.monotonic() < deadline
                with suppress(httpx.TransportError):
                    if (await client.get(f"{self.url}/health/live")).status_code == 200:
                        break
                await asyncio.sleep(0.02)
        self.up.set()

    def kill(self) -> None:
        """As the kernel does it."""
        self.up.clear()
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """The port is anybody's again."""
        self._held.close()


class Talkers:
    """Clients who hold conversations of unique sentences, through three doors. `done`: what they saw answered."""

    def __init__(self, victim: Victim) -> None:
        self.victim = victim
        self.done: set[str] = set()
        self.said = 0
        self.news = {way: asyncio.Event() for way in WAYS}
        self._client = httpx.AsyncClient(
            base_url=victim.url, timeout=PATIENCE_SECONDS, limits=httpx.Limits(max_connections=None)
        )

    async def talk(self, number: int) -> None:
        """Until cancelled."""
        ways = (self._chat, self._turn, self._live)
        turn = 0
        while True:
            await self.victim.up.wait()
            turn += 1
            with suppress(httpx.HTTPError, OSError, WebSocketException, TimeoutError):
                await ways[number % 3](number, turn)

    def _saw(self, sentence: str) -> None:
        self.done.add(sentence)
        self.news[sentence.split(maxsplit=1)[0]].set()

    async def _chat(self, number: int, turn: int) -> None:
        sentence = f"chat {number} {turn}"
        self.said += 1
        body = {"messages": [{"role": "user", "content": sentence}], "conversation": f"c{number}", "stream": True}
        async with self._client.stream("POST", "/v1/chat/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                if line == "data: [DONE]":
                    self._saw(sentence)

    async def _turn(self, number: int, turn: int) -> None:
        sentence = f"turn {number} {turn}"
        self.said += 1
        files, data = {"audio": ("a.wav", sentence.encode())}, {"conversation": f"c{number}"}
        headers = {"accept": "text/event-stream"}
        async with self._client.stream("POST", "/v1/voice/turns", files=files, data=data, headers=headers) as answer:
            async for line in answer.aiter_lines():
                if line == "event: turn.done":
                    self._saw(sentence)

    async def _live(self, number: int, turn: int) -> None:
        address = f"ws://127.0.0.1:{self.victim.port}/v1/realtime?conversation=c{number}"
        async with connect(address, open_timeout=PATIENCE_SECONDS) as line:
            for sentence in (f"live {number} {turn} {each}" for each in range(100)):
                self.said += 1
                content = [{"type": "input_text", "text": sentence}]
                item = {"type": "message", "role": "user", "content": content}
                await line.send(json.dumps({"type": "conversation.item.create", "item": item}))
                await line.send(json.dumps({"type": "response.create", "response": {"output_modalities": ["text"]}}))
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while True:
                        event: dict[str, Any] = json.loads(await line.recv())
                        assert event["type"] != "error", event
                        if event["type"] == "response.done":
                            break
                if event["response"]["status"] == "completed":
                    self._saw(sentence)

    async def close(self) -> None:
        await self._client.aclose()


def look(file: Path) -> dict[str, int]:
    """How often each sentence that has its answer is on disk; the file must be whole."""
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        answered = database.execute(
            "SELECT said.words, count(*) FROM items AS said JOIN items AS answer"
            " ON answer.conversation = said.conversation AND answer.role = 'assistant'"
            " AND answer.words = 'Yes, ' || said.words || '.' WHERE said.role = 'user' GROUP BY said.words"
        )
        return dict(answered.fetchall())


async def murder(victim: Victim, clients: int, kills: int, seed: int) -> Talkers:
    """Kill the service again and again; those who talked with it."""
    dice = random.Random(seed)
    talkers = Talkers(victim)
    async with asyncio.TaskGroup() as tasks:
        talking = [tasks.create_task(talkers.talk(number)) for number in range(clients)]
        for number in range(kills):
            news = talkers.news[WAYS[number % len(WAYS)]]
            news.clear()
            await victim.start()
            await asyncio.wait_for(news.wait(), START_SECONDS)
            await asyncio.sleep(dice.uniform(0, 0.5))
            victim.kill()
            seen = set(talkers.done)
            kept = look(victim.folder / "appliance.db")
            assert not {sentence for sentence in seen if sentence not in kept}
            assert not {sentence: times for sentence, times in kept.items() if times > 1}
        for task in talking:
            task.cancel()
    await talkers.close()
    return talkers


@pytest.mark.parametrize(
    ("clients", "kills"), [pytest.param(60, 5, id="everyday"), pytest.param(300, 50, id="soak", marks=pytest.mark.soak)]
)
def test_what_a_client_saw_done_survives_kill_9(tmp_path: Path, clients: int, kills: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    with closing(Victim(tmp_path)) as victim:
        talkers = asyncio.run(murder(victim, clients, kills, seed))
    done = Counter(sentence.split()[0] for sentence in talkers.done)
    print(f"{kills} kills, {talkers.said} turns begun, seen done: {dict(done)}")
    assert all(done[way] for way in WAYS)
