"""Voice to voice: recorded speech in real time through the live socket, until the reply's first audio is back.

And what that is held against: the same turn one stage after another, and each stage alone, for a lower bound.
"""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import anyio
import numpy as np
import soxr

from appliance.audio import wav
from appliance.cli.line import RATE, Line, LineError, Mouth, dial
from appliance.dialogue.clauses import Clauses
from appliance.jobs import STT_RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from appliance.cli.line import Reply
    from benchmarks.bench import Bench
    from benchmarks.box import Box

ENDPOINT_SECONDS: Final = 0.5
"""Silence that ends a turn where stages come one after another, as most servers have it."""
ANSWER_SECONDS: Final = 60.0
TURNS_A_SESSION: Final = 5
TELL: Final = "Tell a story about whatever the user says."
REPLY_TOKENS: Final = 40
"""Two or three short sentences."""
ALIKE: Final = {"APPLIANCE_VOICE__TEMPERATURE": "0", "APPLIANCE_VOICE__MAX_REPLY_TOKENS": str(REPLY_TOKENS)}
"""Settings of a box whose turns as one request say the same each time, and as much as live ones."""
LEAD_SECONDS: Final = 1.0
"""Silence before each turn."""
STAGES: Final = ("paused", "understood", "first_token", "first_clause", "first_audio", "over")


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds from the last sample sent to the first audio received, the box's own times (ms), and what was said."""

    seconds: float
    timings: dict[str, float]
    sound: int = 0
    """Number of the recording."""
    cut_offs: int = 0
    """Replies that began while it was still sounding; they are not the answer."""


def session(detection: dict[str, Any]) -> dict[str, Any]:
    """What the sessions are set up with: replies as long as the voice's own instructions ask for."""
    return {
        "temperature": 0,
        "instructions": TELL,
        "max_output_tokens": REPLY_TOKENS,
        "audio": {"input": {"transcription": {"model": "default", "language": "en"}, "turn_detection": detection}},
    }


def voice_to_voice(
    box: Box, sounds: Sequence[bytes], sessions: int, turns: int, detection: dict[str, Any]
) -> list[Turn]:  # fmt: skip
    """So many turns in each of so many sessions at once. Raises `LineError` if one is not answered."""
    taken: list[Turn] = []

    async def talker(number: int) -> None:
        done = 0
        while done < turns:
            async with dial(box.url, None, session(detection), lambda _: None) as line:
                mouth = Mouth(line)
                await mouth.silence(LEAD_SECONDS * (1 + number / sessions))
                for _ in range(min(TURNS_A_SESSION, turns - done)):
                    sound = (done + number) % len(sounds)
                    taken.append(replace(await one_turn(line, mouth, sounds[sound]), sound=sound))
                    done += 1

    async def all_talk() -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(sessions):
                tasks.start_soon(talker, number)

    anyio.run(all_talk)
    return taken


async def one_turn(line: Line, mouth: Mouth, sound: bytes, most: float = ANSWER_SECONDS) -> Turn:
    """One turn; the reply is cut off once it has begun, since the next turn is what counts.

    Raises `LineError` if it has not begun within `most` seconds.
    """
    before = len(line.replies)
    ended = await mouth.say(sound)

    def answer() -> Reply | None:
        return next((reply for reply in line.replies[before:] if _begun(reply) > ended), None)

    await mouth.silent_until(lambda: answer() is not None, most)
    reply = answer()
    if reply is None or line.errors:
        raise LineError(str(line.errors[0]) if line.errors else "lost")
    await line.send("response.cancel")
    await mouth.silent_until(reply.done.is_set, ANSWER_SECONDS)
    line.errors.clear()  # the reply may have been over already
    await mouth.silence(LEAD_SECONDS)
    early = sum(-math.inf < _begun(one) <= ended for one in line.replies[before:])
    return Turn(_begun(reply) - ended, reply.timings, cut_offs=early)


class InTurn:
    """The same models, one stage after another: each one's whole result before the next begins."""

    def __init__(self, client: httpx.Client, bench: Bench) -> None:
        from appliance.engines.cuda import preload

        preload()
        from faster_whisper import WhisperModel

        stt = bench.settings.stt
        self._client = client
        self._whisper = WhisperModel(
            str(bench.lineup.stt.main), device=stt.device, compute_type=stt.compute_type,
            cpu_threads=len(os.sched_getaffinity(0)),
        )  # fmt: skip

    def libraries(self, sound: bytes) -> float:
        """As most servers do it: faster-whisper's own `transcribe`, then the whole text, then all of its audio."""
        started = time.perf_counter()
        samples = np.frombuffer(sound, dtype="<i2").astype(np.float32) / 32_768
        wide = soxr.resample(samples, RATE, STT_RATE)
        segments, _ = self._whisper.transcribe(wide, language="en")
        text = "".join(segment.text for segment in segments)
        return time.perf_counter() - started + self._answer(text)

    def _answer(self, text: str) -> float:
        started = time.perf_counter()
        messages = [{"role": "system", "content": TELL}, {"role": "user", "content": text}]
        chat = {"messages": messages, "max_tokens": REPLY_TOKENS, "temperature": 0}
        said = self._client.post("/v1/chat/completions", json=chat).json()["choices"][0]["message"]["content"]
        spoken = self._client.post("/v1/audio/speech", json={"input": said, "response_format": "pcm"})
        spoken.raise_for_status()
        return time.perf_counter() - started


def _begun(reply: Reply) -> float:
    """When its first audio came; before all times where it has none."""
    return reply.first_audio_at if reply.first_audio_at is not None and reply.timings else -math.inf


def lower_bound(client: httpx.Client, sound: bytes) -> dict[str, float]:
    """Seconds that each stage takes alone, for what a reply's first audio needs and nothing else."""
    started = time.perf_counter()
    files, language = {"file": ("q.wav", wav(sound, RATE))}, {"language": "en"}
    text = client.post("/v1/audio/transcriptions", files=files, data=language).json()["text"]
    understood = time.perf_counter()
    messages = [{"role": "system", "content": TELL}, {"role": "user", "content": text}]
    chat = {"messages": messages, "stream": True, "temperature": 0, "max_tokens": REPLY_TOKENS}
    clauses, found = Clauses(phrases=True), ""
    with client.stream("POST", "/v1/chat/completions", json=chat) as answer:
        for line in answer.iter_lines():
            if '"content":' in line and not found:
                found = "".join(clauses.feed(_delta(line))[:1])
            if found:
                break
    written = time.perf_counter()
    speech = {"input": found or "Yes.", "response_format": "pcm"}
    with client.stream("POST", "/v1/audio/speech", json=speech) as answer:
        next(answer.iter_bytes())
    spoken = time.perf_counter()
    return {"understand": understood - started, "write": written - understood, "speak": spoken - written}


def _delta(line: str) -> str:
    choices = json.loads(line.removeprefix("data: "))["choices"]
    return str(choices[0]["delta"].get("content") or "") if choices else ""
