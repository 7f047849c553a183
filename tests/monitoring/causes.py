"""What goes wrong in a drill, for real: each goes on in a thread of its own until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import psutil
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

sys.path.append(str(Path(__file__).parents[1] / "realtime"))

from caller import at_24k, calling

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from caller import Caller

    from monitoring.cupboard import Cupboard

SENTENCE: Final = "Please tell me why the sky is blue and the grass is green."
TOGETHER: Final = 300
"""Changes at once: 128 are written together."""
LOCK: Final = (
    "import sqlite3, sys; database = sqlite3.connect(sys.argv[1], timeout=60);"
    " database.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
)
FILL_BYTES: Final = 4_000_000
"""Every eighth of a second."""


@contextmanager
def going_on(*works: Callable[[threading.Event], None]) -> Iterator[None]:
    """These, until the block ends; what goes wrong for them is what they are for, and they try again."""
    over = threading.Event()

    def again(work: Callable[[threading.Event], None]) -> None:
        while not over.wait(0.1):
            with contextlib.suppress(Exception):
                work(over)

    threads = [threading.Thread(target=again, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


class Causes:
    """Those of one box."""

    def __init__(self, box: Cupboard) -> None:
        self.box = box
        self.client = httpx.Client(base_url=box.url, headers={"authorization": f"Bearer {box.admin}"}, timeout=60)
        self.words = at_24k(self.speak(SENTENCE).content)

    def speak(self, text: str) -> httpx.Response:
        """Have something said, which is kept in the cache."""
        return self.client.post("/v1/audio/speech", json={"input": text, "response_format": "wav"})

    def report(self, outcome: str) -> None:
        """A spoken self-test."""
        bearer = {"authorization": f"Bearer {self.box.meter}"}
        body = {"outcome": outcome, "seconds": 1.5}
        self.client.post("/health/spoken", json=body, headers=bearer).raise_for_status()

    def report_well(self, over: threading.Event) -> None:
        """Self-tests that succeed."""
        while not over.wait(0.5):
            self.report("ok")

    def talk(self, over: threading.Event) -> None:
        """Somebody who takes turns."""
        asyncio.run(self._call(over, self._take_a_turn))

    def think_aloud(self, over: threading.Event) -> None:
        """Somebody who goes on after a pause, when a reply has been begun already."""
        asyncio.run(self._call(over, self._pause))

    def interrupt(self, over: threading.Event) -> None:
        """Somebody who stops each reply."""
        asyncio.run(self._call(over, self._stop_the_reply))

    def hang_up(self, _over: threading.Event) -> None:
        """Somebody who leaves when a reply has been begun."""

        async def call() -> None:
            async with calling(self.box.url, key=self.box.admin, max_output_tokens=400) as caller:
                await caller.say(self.words, 0.8)
                await caller.until("response.created")

        asyncio.run(call())

    async def _call(self, over: threading.Event, turn: Callable[[Caller, int], Awaitable[None]]) -> None:
        while not over.is_set():
            with contextlib.suppress(Exception):
                async with calling(self.box.url, key=self.box.admin, max_output_tokens=24) as caller:
                    caller.forgiven = {"response_cancel_not_active"}
                    turns = 0
                    while not over.is_set():
                        turns += 1
                        await turn(caller, turns)
            await asyncio.sleep(0.1)

    async def _take_a_turn(self, caller: Caller, turns: int) -> None:
        await caller.say(self.words, 0.8)
        await caller.until("response.done", turns)

    async def _pause(self, caller: Caller, turns: int) -> None:
        await caller.say(self.words, 0.4)
        await self._take_a_turn(caller, turns)

    async def _stop_the_reply(self, caller: Caller, turns: int) -> None:
        await caller.say(self.words, 0.8)
        await caller.until("response.created", turns)
        await caller.connection.response.cancel()
        await caller.until("response.done", turns)

    def use(self, over: threading.Event) -> None:
        """Somebody who does all the rest: files, the same words again, a wrong request, leaving in the middle."""
        wav = self.speak(SENTENCE).content
        chat: dict[str, Any] = {"messages": [{"role": "user", "content": "Count."}], "max_tokens": 64, "stream": True}
        while not over.wait(0.2):
            self.client.post("/v1/voice/turns", files={"audio": ("q.wav", wav)}, data={"max_tokens": "8"})
            self.client.post("/v1/audio/transcriptions", files={"file": ("q.wav", wav)})
            self.speak("The same again.")
            self.client.post("/v1/chat/completions", json={})
            with self.client.stream("POST", "/v1/chat/completions", json=chat) as answer:
                next(answer.iter_raw())

    def hold_the_voice(self, over: threading.Event) -> None:
        """The voice's worker gets the processor for a fifth of the time only."""
        while not over.is_set():
            worker = self.box.worker("tts")
            if worker is not None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.suspend()
                    over.wait(2.4)
                    worker.resume()
            time.sleep(0.6)

    def knock(self, over: threading.Event) -> None:
        """More live conversations than there is room for."""
        address = f"{self.box.url.replace('http', 'ws', 1)}/v1/realtime"
        bearer = {"authorization": f"Bearer {self.box.admin}"}
        while not over.wait(0.1):
            with (
                contextlib.suppress(OSError, TimeoutError, WebSocketException),
                connect(address, additional_headers=bearer, open_timeout=10) as line,
            ):
                line.recv(timeout=10)

    def guess_keys(self, over: threading.Event) -> None:
        """Wrong keys, many at once."""

        async def guess() -> None:
            async with httpx.AsyncClient(base_url=self.box.url, timeout=60) as client:
                tries = [client.get("/v1/models", headers={"authorization": f"Bearer {n}"}) for n in range(60)]
                await asyncio.gather(*tries, return_exceptions=True)

        while not over.is_set():
            asyncio.run(guess())

    def spoil_the_cache(self, over: threading.Event) -> None:
        """The disk forgets what is in the cache of speech."""
        while not over.wait(0.1):
            self.speak("Once more.")
            for file in (self.box.disk / "cache" / "speech").rglob("*"):
                if file.is_file():
                    with contextlib.suppress(OSError):
                        file.write_bytes(b"forgotten" * 5000)

    def kill_the_thinker(self, over: threading.Event) -> None:
        """The language model's worker, as often as it comes back."""
        while not over.wait(0.2):
            if (worker := self.box.worker("llm")) is not None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.kill()

    def ask(self, over: threading.Event) -> None:
        """Somebody who wants answers, and changes what is remembered."""
        chat: dict[str, Any] = {"messages": [{"role": "user", "content": "What is green?"}], "max_tokens": 4}
        while not over.wait(0.2):
            self.client.post("/v1/chat/completions", json=chat)
            self.client.post("/v1/conversations", json={})

    def fill_the_disk(self, over: threading.Event) -> None:
        """Bit by bit, and to the last byte."""
        filler = self.box.disk / "filler"
        try:
            with filler.open("wb", buffering=0) as file:
                while not over.wait(0.125):
                    with contextlib.suppress(OSError):
                        file.write(bytes(FILL_BYTES))
        finally:
            filler.unlink()

    def lock_the_database(self, over: threading.Event) -> None:
        """Another program holds it, while many write."""
        command = [*self.box.inside(), sys.executable, "-c", LOCK, str(self.box.state / "appliance.db")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            assert program.stdin is not None
            assert program.stdout is not None
            program.stdout.readline()
            asyncio.run(self._write(over, program.stdin.close))

    async def _write(self, over: threading.Event, let_go: Callable[[], None]) -> None:
        headers, limits = dict(self.client.headers), httpx.Limits(max_connections=TOGETHER)
        async with httpx.AsyncClient(base_url=self.box.url, headers=headers, timeout=120, limits=limits) as client:

            async def go_on() -> None:
                while not over.is_set():
                    await client.post("/v1/conversations", json={})

            writers = asyncio.gather(*(go_on() for _ in range(TOGETHER)), return_exceptions=True)
            await asyncio.to_thread(over.wait)
            let_go()
            await writers
