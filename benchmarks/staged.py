"""First audio of a turn: streamed, against the same turn done one stage after another, on one box in one run."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class Sample:
    """One turn: seconds until its first audio and until its end, and characters of the reply."""

    seconds: float
    whole_seconds: float
    characters: int


def streamed(client: httpx.Client, question: bytes, instructions: str | None = None) -> Sample:
    """The turn as clients take it: the first bytes of samples on the socket. `instructions`: None for the box's own."""
    started, first, text = time.perf_counter(), None, ""
    request = client.build_request(
        "POST",
        "/v1/voice/turns",
        files={"audio": ("q.wav", question)},
        data={"response_format": "pcm", "language": "en", **({"instructions": instructions} if instructions else {})},
        headers={"accept": "text/event-stream"},
    )
    answer = client.send(request, stream=True)
    try:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if line == "event: turn.audio.delta" and first is None:
                first = time.perf_counter() - started
            if line.startswith("data: ") and '"turn.done"' in line:
                text = json.loads(line.removeprefix("data: "))["text"]
    finally:
        answer.close()
    if first is None:
        raise RuntimeError("the turn had no audio")
    return Sample(first, time.perf_counter() - started, len(text))


def staged(client: httpx.Client, question: bytes, instructions: str, max_tokens: int) -> Sample:
    """Each stage whole before the next begins, through the box's own doors: all audio is there at the end."""
    started = time.perf_counter()
    heard = client.post("/v1/audio/transcriptions", files={"file": ("q.wav", question)}, data={"language": "en"})
    messages = [{"role": "system", "content": instructions}, {"role": "user", "content": heard.json()["text"]}]
    chat = {"messages": messages, "max_tokens": max_tokens, "temperature": 0}
    text = client.post("/v1/chat/completions", json=chat).json()["choices"][0]["message"]["content"]
    spoken = client.post("/v1/audio/speech", json={"input": text, "response_format": "pcm"})
    spoken.raise_for_status()
    taken = time.perf_counter() - started
    return Sample(taken, taken, len(text.strip()))
