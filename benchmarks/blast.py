"""One user at full blast: every kind of request and live conversation, as many as the box takes, all the time.

A process of its own: `python -m benchmarks.blast` reads what to do as a line of JSON, does it until the next line
comes, and answers with what became of it. Refusals are ignored: the next thing is asked at once, or nearly so.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Final

import anyio
import httpx
from anyio import to_thread

from appliance.cli.line import Line, LineError, Mouth, dial
from appliance.cli.talk import recording
from appliance.errors import one_error

CROWD: Final = {"chat": 12, "completion": 6, "transcription": 9, "speech": 9, "session": 8}
"""How many of each at once: more requests than a user may have answered at once, and as many sessions."""
PAUSE_SECONDS: Final = 0.05
"""After a refused request. Without it the crowd would measure how fast a box can refuse."""
REDIAL_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 120.0
TOKENS: Final = 400
STORY: Final = "Tell a long story about whatever the user says."
TEXT: Final = (
    "The train leaves at nine, and number {} is the last one that stops at the harbour. Please be there in time."
)


class Blast:
    """The crowd, and what became of what it asked, by kind and status."""

    def __init__(self, url: str, key: str, files: list[Path]) -> None:
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._url, self._key = url, key
        self._files = [(file.name, file.read_bytes()) for file in files]
        self._sounds = [recording(file) for file in files]
        self._numbers = itertools.count()

    async def ask(self, client: httpx.AsyncClient, kind: str) -> None:
        """One request after another."""
        while True:
            status = "cut"  # by the end of the blast
            try:
                async with client.stream("POST", **self._request(kind)) as answer:
                    async for _ in answer.aiter_raw():
                        pass
                status = str(answer.status_code)
            except httpx.HTTPError:
                status = "broken"
            finally:
                self.counts[kind][status] += 1
            if status != "200":
                await anyio.sleep(PAUSE_SECONDS)

    def _request(self, kind: str) -> dict[str, Any]:
        """No two are alike."""
        number = next(self._numbers)
        match kind:
            case "chat":
                messages = [{"role": "user", "content": f"Write a long story about the number {number}."}]
                body = {"messages": messages, "max_tokens": TOKENS, "stream": True}
                return {"url": "/v1/chat/completions", "json": body}
            case "completion":
                body = {"prompt": f"Chapter {number}. Once upon a time", "max_tokens": TOKENS}
                return {"url": "/v1/completions", "json": body}
            case "transcription":
                files = {"file": self._files[number % len(self._files)]}
                return {"url": "/v1/audio/transcriptions", "files": files, "data": {"language": "en"}}
            case _:
                return {"url": "/v1/audio/speech", "json": {"input": TEXT.format(number), "response_format": "pcm"}}

    async def talk(self, number: int) -> None:
        """One live conversation after another: speech with a second of silence between, whatever the box says."""
        asked = {"instructions": STORY, "audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
        while True:
            try:
                with one_error(LineError):
                    async with dial(self._url, self._key, asked, self._hear) as line:
                        await self._speak(line, number)
            except LineError:
                self.counts["session"]["ended"] += 1
            await anyio.sleep(REDIAL_SECONDS)

    async def _speak(self, line: Line, number: int) -> None:
        mouth = Mouth(line)
        await mouth.silence(1 + number / CROWD["session"])
        for turn in itertools.count(number):
            await mouth.say(self._sounds[turn % len(self._sounds)])
            await mouth.silence(1.0)
            self.counts["session"]["spoken"] += 1

    def _hear(self, event: dict[str, Any]) -> None:
        if event["type"] == "response.output_audio.done":
            self.counts["session"]["answered"] += 1
        elif event["type"] == "error":
            self.counts["session"]["error"] += 1


async def main() -> None:
    """Do as the first line says until the second one comes."""
    order = json.loads(await to_thread.run_sync(sys.stdin.readline))
    blast = Blast(order["url"], order["key"], [Path(file) for file in order["files"]])
    print(json.dumps({"begun": True}), flush=True)
    began, spent = time.perf_counter(), time.process_time()
    headers = {"authorization": f"Bearer {order['key']}"}
    many = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(base_url=order["url"], headers=headers, timeout=ANSWER_SECONDS, limits=many) as client,
        anyio.create_task_group() as tasks,
    ):
        for kind in order["kinds"]:
            for number in range(CROWD[kind]):
                if kind == "session":
                    tasks.start_soon(blast.talk, number)
                else:
                    tasks.start_soon(blast.ask, client, kind)
        await to_thread.run_sync(sys.stdin.readline)
        tasks.cancel_scope.cancel()
    load = (time.process_time() - spent) / (time.perf_counter() - began)
    print(json.dumps({"counts": blast.counts, "load": load}), flush=True)


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(1, 9)  # ends with whoever started it
    anyio.run(main)
