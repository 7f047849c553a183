"""Users of one request each: a spoken turn, a chat."""

from __future__ import annotations

import time

import requests
from locust import task

from benchmarks.load.person import ANSWER_SECONDS, MOST_OUTPUT_TOKENS, SETUP, BoxError, Person, checked, headers

TURN, CHAT = "first audio of a turn", "first token of a chat"


class Asker(Person):
    """Sends a recording as a whole, and hears the reply as it comes: `POST /v1/voice/turns`."""

    weight = 1

    @task
    def ask(self) -> None:
        """One turn."""
        self.timed("POST", TURN, self._turn)

    def _turn(self) -> tuple[float, int]:
        recording = self.next_of(SETUP.files)
        began, first, size, done = time.perf_counter(), 0.0, 0, False
        with requests.post(
            f"{self.host}/v1/voice/turns", files={"audio": ("q.wav", recording)},
            data={"response_format": "pcm", "language": "en"}, headers={"accept": "text/event-stream", **headers()},
            stream=True, timeout=ANSWER_SECONDS,
        ) as answer:  # fmt: skip
            for line in checked(answer).iter_lines():
                size += len(line)
                if line == b"event: turn.audio.delta":
                    first = first or time.perf_counter() - began
                done = done or line == b"event: turn.done"
        if not first or not done:
            raise BoxError("the turn broke off")
        return first, size


class Typist(Person):
    """Types: `POST /v1/chat/completions`, streamed."""

    weight = 1

    @task
    def ask(self) -> None:
        """One chat."""
        self.timed("POST", CHAT, self._chat)

    def _chat(self) -> tuple[float, int]:
        self.turns += 1
        words = f"Say something about the number {self.number * 1000 + self.turns}."
        body = {"messages": [{"role": "user", "content": words}], "max_tokens": MOST_OUTPUT_TOKENS, "stream": True}
        began, first, size, done = time.perf_counter(), 0.0, 0, False
        with requests.post(
            f"{self.host}/v1/chat/completions", json=body, headers=headers(), stream=True, timeout=ANSWER_SECONDS
        ) as answer:
            for line in checked(answer).iter_lines():
                size += len(line)
                if b'"delta":{"content":' in line:
                    first = first or time.perf_counter() - began
                done = done or line == b"data: [DONE]"
        if not first or not done:
            raise BoxError("the chat broke off")
        return first, size
