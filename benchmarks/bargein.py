"""Interruptions: recorded speech into a sounding reply, in real time, until it is silent; and what is remembered.

What was sent is transcribed again and compared with what the box says was heard.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import anyio
import click

from appliance.audio import wav
from appliance.cli.line import RATE, Line, LineError, Mouth, dial
from appliance.cli.talk import recording
from benchmarks.figures import Figure, percentile
from benchmarks.live import ANSWER_SECONDS, session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import httpx

    from benchmarks.box import Box

HEARD_SECONDS: Final = 2.0
"""So long a reply sounds before it is interrupted."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """Seconds; `remembered` is what the box kept, `pcm` what it had sent."""

    after_start: float
    """From the `speech_started` event to the last audio of the reply; less than 0 where that came before."""
    after_voice: float
    """From the first sample of the interrupting voice to the last audio of the reply."""
    remembered: str
    pcm: bytes


class _Ear:
    """Notes when what comes in."""

    def __init__(self) -> None:
        self.started: list[float] = []
        self.last_audio: dict[str, float] = {}
        self.items: dict[str, str] = {}

    def hear(self, event: dict[str, Any]) -> None:
        now = anyio.current_time()
        match event["type"]:
            case "input_audio_buffer.speech_started":
                self.started.append(now)
            case "response.output_audio.delta":
                self.last_audio[event["response_id"]] = now
            case "response.done" if event["response"]["output"]:
                self.items[event["response"]["id"]] = event["response"]["output"][0]["content"][0]["transcript"]


def interruptions(box: Box, sounds: Sequence[bytes], count: int) -> list[Interruption]:
    """So many of them, one after another."""
    found: list[Interruption] = []

    async def talk() -> None:
        for number in range(count):
            ear = _Ear()
            asked = {**session({"type": "server_vad"}), "max_output_tokens": 160}
            async with dial(box.url, None, asked, ear.hear) as line:
                taken = await _interrupt(line, ear, sounds[number % len(sounds)], sounds[(number + 1) % len(sounds)])
            if taken is not None:
                found.append(taken)

    anyio.run(talk)
    return found


async def _interrupt(line: Line, ear: _Ear, question: bytes, interruption: bytes) -> Interruption | None:
    mouth = Mouth(line)
    await mouth.silence(0.5)
    await mouth.say(question)
    await mouth.silent_until(lambda: bool(line.replies) and line.replies[0].first_audio_at is not None, ANSWER_SECONDS)
    reply = line.replies[0]
    await mouth.silence(HEARD_SECONDS)
    if reply.done.is_set():
        return None  # too short a story
    starts, began = len(ear.started), anyio.current_time()
    await mouth.say(interruption)
    await mouth.silent_until(reply.done.is_set, ANSWER_SECONDS)
    if reply.status != "cancelled":
        return None  # its story was over before the voice was long enough
    if len(ear.started) == starts:
        raise LineError("The interruption was not announced.")
    last = ear.last_audio[reply.id]
    return Interruption(last - ear.started[starts], last - began, ear.items[reply.id], bytes(reply.pcm))


def words(text: str) -> list[str]:
    """In lower case, without punctuation."""
    return re.sub(r"[^\w\s]", "", text.lower()).split()


def measure(box: Box, client: httpx.Client, files: Sequence[Path], *, quick: bool) -> Iterator[Figure]:
    """Silence after an interruption, and how exactly the box remembers what was heard."""
    sounds = [recording(file) for file in files]
    count = 3 if quick else 20
    click.echo(f"{count} interruptions", err=True)
    taken = interruptions(box, sounds, count)
    yield Figure("bargein_count", len(taken))
    yield Figure("bargein_last_audio_after_speech_started_p95", percentile([t.after_start for t in taken], 0.95), "s",
                 at_most=0.1)  # fmt: skip
    yield Figure("bargein_last_audio_after_voice_p50", percentile([t.after_voice for t in taken], 0.5), "s")
    yield Figure("bargein_last_audio_after_voice_p95", percentile([t.after_voice for t in taken], 0.95), "s")
    near = 0
    for each in taken:
        files_, language = {"file": ("a.wav", wav(each.pcm, RATE))}, {"language": "en"}
        heard = client.post("/v1/audio/transcriptions", files=files_, data=language).json()["text"]
        near += abs(len(words(heard)) - len(words(each.remembered))) <= 1
    yield Figure("bargein_remembered_within_a_word", near / len(taken) if taken else 0.0, "of all", at_least=0.9)
