"""Users in live conversation, by websocket-client: it blocks in `recv`, which gevent makes a wait of one greenlet."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import gevent
import websocket
from locust import task
from locust.exception import StopUser

from benchmarks.load.person import ANSWER_SECONDS, MOST_OUTPUT_TOKENS, SETUP, BoxError, Person, headers
from benchmarks.load.recordings import RATE

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE_SECONDS = 0.02
LEAD_SECONDS = 0.5
WHOLE_SECONDS = 120.0
REDIAL_SECONDS = 1.0
TELL = "Talk with the user. Answer in two or three short sentences."
LIVE = "voice to voice"


class Speaker(Person):
    """Is in live conversation, with a microphone that is always on: OpenAI's Realtime protocol."""

    weight = 3
    socket: Any = None

    def on_start(self) -> None:
        """Pick up."""
        super().on_start()
        self.timed("WS", "begin a conversation", self._begin)
        if self.socket is None:
            raise StopUser

    def on_stop(self) -> None:
        """Hang up."""
        if self.socket is not None:
            self.socket.close()

    def _begin(self) -> tuple[float, int]:
        began, parts = time.perf_counter(), urlsplit(self.host)
        address = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}{parts.path}/v1/realtime?model=default"
        shown = [f"{name}: {value}" for name, value in headers().items()]
        opened = websocket.create_connection(address, header=shown, timeout=ANSWER_SECONDS, enable_multithread=True)
        opened.settimeout(None)
        self.socket, self.pieces, self.clock = opened, 0, time.perf_counter()
        self.first = self.size = 0.0
        self.error = self.status = ""
        heard = {"transcription": {"model": "default", "language": "en"}, "turn_detection": {"type": "server_vad"}}
        session = {"instructions": TELL, "max_output_tokens": MOST_OUTPUT_TOKENS, "audio": {"input": heard}}
        self._send({"type": "session.update", "session": {"type": "realtime", **session}})
        gevent.spawn(self._listen, opened)
        return time.perf_counter() - began, 0

    @task
    def speak(self) -> None:
        """One turn, until the reply has been heard. Where it is broken, they begin a new conversation."""
        if self.socket is None:
            gevent.sleep(REDIAL_SECONDS)
            self.timed("WS", "begin a conversation", self._begin)
        if self.socket is not None:
            self.timed("WS", LIVE, self._turn)

    def _turn(self) -> tuple[float, int]:
        try:
            self._silence(LEAD_SECONDS)
            self._sound(self.next_of(SETUP.pcm))
            ended, self.first, self.size, self.status, self.error = time.perf_counter(), 0.0, 0.0, "", ""
            self._silent_until(lambda: self.first, ANSWER_SECONDS, "no reply")
            self._silent_until(lambda: self.status, WHOLE_SECONDS, "the reply did not end")
            if self.status not in ("completed", "incomplete"):
                raise BoxError(f"the reply {self.status}")
            self._silence(max(0.0, self.first + self.size / 2 / RATE - time.perf_counter()))
        except (BoxError, OSError, websocket.WebSocketException):
            self.socket.close()
            self.socket = None
            raise
        return self.first - ended, int(self.size)

    def wait(self) -> None:
        """They think, and the microphone is on."""
        try:
            if self.socket is not None:
                self._silence(self.wait_time())
        except (OSError, websocket.WebSocketException):
            self.socket = None

    def _listen(self, opened: Any) -> None:
        try:
            while message := opened.recv():
                event = json.loads(message)
                match event["type"]:
                    case "response.output_audio.delta":
                        self.first = self.first or time.perf_counter()
                        self.size += len(base64.b64decode(event["delta"]))
                    case "response.done":
                        self.status = event["response"]["status"]
                    case "error":
                        self.error = event["error"].get("code") or "error"
        except (OSError, websocket.WebSocketException):
            pass
        self.error = self.error or "the conversation ended"

    def _send(self, body: dict[str, Any]) -> None:
        self.socket.send(json.dumps(body))

    def _sound(self, pcm: bytes) -> None:
        size = int(RATE * PIECE_SECONDS) * 2
        for start in range(0, len(pcm), size):
            self.pieces += 1
            wait = self.clock + self.pieces * PIECE_SECONDS - time.perf_counter()
            SETUP.late = max(SETUP.late, -wait)
            gevent.sleep(max(0.0, wait))
            piece = pcm[start : start + size].ljust(size, b"\0")
            self._send({"type": "input_audio_buffer.append", "audio": base64.b64encode(piece).decode()})

    def _silence(self, seconds: float) -> None:
        self._sound(bytes(2 * int(RATE * seconds)))

    def _silent_until(self, fits: Callable[[], object], most: float, otherwise: str) -> None:
        until = time.perf_counter() + most
        while not fits():
            if self.error:
                raise BoxError(self.error)
            if time.perf_counter() > until:
                raise BoxError(otherwise)
            self._silence(PIECE_SECONDS)
