"""Interruptions: recorded speech into a sounding reply, in real time, until it is silent; and what is remembered.

What was sent is transcribed again and compared with what the box says was heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import anyio

from appliance.audio import wav
from appliance.cli.line import RATE, Line, LineError, Mouth, dial
from appliance.probing.wrong_words import words
from benchmarks.figures import Figure, made_of
from benchmarks.live import ANSWER_SECONDS, session
from benchmarks.progress import rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench
    from benchmarks.box import Box

HEARD_SECONDS: Final = 2.0
"""So long a reply sounds before it is interrupted."""
MOST, QUICK = 6, 2
SECONDS: Final = 85.0


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


async def _one(box: Box, question: bytes, interruption: bytes) -> Interruption | None:
    """A conversation of one question, and a voice into its answer; None where that was over too early."""
    ear = _Ear()
    asked = {**session({"type": "server_vad"}), "max_output_tokens": 160}
    async with dial(box.url, None, asked, ear.hear) as line:
        return await _interrupt(line, ear, question, interruption)


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


def measure(bench: Bench) -> Iterator[Figure]:
    """Silence after an interruption, and how exactly the box remembers what was heard."""
    sounds = [each.pcm for each in bench.speech.turns]
    taken: list[Interruption] = []
    near = 0
    with bench.box() as box, bench.client(box) as client:
        for number in rounds("interruptions", QUICK if bench.quick else MOST, SECONDS, least=2, warm=1):
            found = anyio.run(_one, box, sounds[number % len(sounds)], sounds[(number + 1) % len(sounds)])
            if found is None or not number:
                continue  # its story was over before it was interrupted; or it only warms
            taken.append(found)
            files, language = {"file": ("a.wav", wav(found.pcm, RATE))}, {"language": "en"}
            heard = client.post("/v1/audio/transcriptions", files=files, data=language).json()["text"]
            near += abs(len(words(heard)) - len(words(found.remembered))) <= 1
    yield Figure("bargein_count", len(taken))
    if not taken:
        bench.notes.append("No reply was long enough to be interrupted.")
        return
    after_start = [each.after_start for each in taken]
    after_voice = [each.after_voice for each in taken]
    yield made_of("bargein_last_audio_after_speech_started", after_start, "s")
    yield made_of("bargein_last_audio_after_speech_started_p95", after_start, "s", 0.95, at_most=0.1)
    yield made_of("bargein_last_audio_after_voice", after_voice, "s")
    yield made_of("bargein_last_audio_after_voice_p95", after_voice, "s", 0.95)
    yield Figure("bargein_remembered_within_a_word", near / len(taken), "of all", at_least=0.9)
