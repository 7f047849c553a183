"""People in live conversation: they speak recordings in real time, hear each reply out, think, and speak again.

A process of its own, so that the processor time that playing people takes is known: `python -m benchmarks.speakers`
reads what to do as a line of JSON, reports each turn as a line, and ends when the next line comes.
"""

from __future__ import annotations

import ctypes
import json
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import msgspec
import numpy as np
from anyio import to_thread

from appliance.cli.line import RATE, Line, LineError, Mouth, dial
from appliance.cli.talk import recording
from appliance.errors import one_error

if TYPE_CHECKING:
    from appliance.cli.line import Reply

TICK_SECONDS: Final = 1.0
REDIAL_SECONDS: Final = 1.0
WHOLE_SECONDS: Final = 120.0
"""Longest wait for the end of a reply that has begun."""
TAIL_SECONDS: Final = 0.2
"""Silence that may stay at a recording's end: a turn is over when its last word is, not when its file is."""
QUIET: Final = 0.03
"""Of a recording's loudest 20 ms: less than that is silence."""
TELL: Final = "Talk with the user. Answer in two or three short sentences."


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How a person converses. Their own words take as long as the recording, the reply's as long as its audio."""

    think_seconds: float = 3.0
    """From the reply's last sound until they speak: drawn evenly from half to one and a half of it."""
    turns: int = 8
    """Of a conversation; then they begin a new one."""
    reply_tokens: int = 40
    """Two or three short sentences."""
    patience_seconds: float = 10.0
    """A reply that has not begun by then counts as an error, and so does one that breaks off."""
    detection: str = "server_vad"

    def session(self) -> dict[str, Any]:
        """What their conversations are set up with."""
        detection = {"type": self.detection}
        heard = {"transcription": {"model": "default", "language": "en"}, "turn_detection": detection}
        return {"instructions": TELL, "max_output_tokens": self.reply_tokens, "audio": {"input": heard}}


@dataclass(frozen=True, slots=True)
class Order:
    """What the process is told."""

    url: str
    files: tuple[str, ...]
    speakers: int
    rhythm: Rhythm = field(default_factory=Rhythm)
    key: str | None = None
    spread_seconds: float = 10.0
    """All have begun to speak by then."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One line: a turn, an error, or (neither) that a second has gone by. `at`: seconds since the beginning."""

    at: float
    load: float
    """Cores that this process has taken so far, on average."""
    speaker: int = -1
    turn: int = -1
    """Number of the turn in all that this person has said."""
    seconds: float | None = None
    """Voice to voice: from the last sample sent to the reply's first one received."""
    error: str = ""
    """Its code, or what kind it is; no words of a conversation."""
    cut_offs: int = 0
    """Replies that began while the person still spoke."""
    said_bytes: int = 0
    """Of text: transcript and reply."""
    heard_seconds: float = 0.0
    timings: dict[str, float] = field(default_factory=dict)
    """Milliseconds, as the box says (`appliance.turn.timings`)."""
    ended: bool = False


def trimmed(pcm: bytes) -> bytes:
    """A recording (mono, 16 bits, `RATE`) without the silence behind its last word."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    size = RATE // 50
    frames = samples[: samples.size // size * size].reshape(-1, size)
    loud = np.sqrt((frames**2).mean(axis=1))
    if not loud.size or not loud.max():
        return pcm
    last = int(np.flatnonzero(loud > QUIET * loud.max())[-1]) + 1
    return pcm[: (last * size + int(TAIL_SECONDS * RATE)) * 2]


class Crowd:
    """All of them."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._sounds = [trimmed(recording(Path(file))) for file in order.files]
        self._began, self._spent = time.perf_counter(), time.process_time()

    async def converse(self, stop: anyio.Event) -> None:
        """Until somebody says stop."""
        async with anyio.create_task_group() as tasks:
            for number in range(self._order.speakers):
                tasks.start_soon(self._person, number)
            tasks.start_soon(self._tick)
            await stop.wait()
            tasks.cancel_scope.cancel()
        self._tell(ended=True)

    async def _tick(self) -> None:
        while True:
            await anyio.sleep(TICK_SECONDS)
            self._tell()

    async def _person(self, number: int) -> None:
        order = self._order
        chance = random.Random(f"{order.seed}/{number}")  # noqa: S311 - a rhythm is no secret
        await anyio.sleep(order.spread_seconds * (number + chance.random()) / order.speakers)
        turn = 0
        while True:
            try:
                with one_error(LineError):
                    async with dial(order.url, order.key, order.rhythm.session(), lambda _: None) as line:
                        mouth = Mouth(line)
                        await mouth.silence(0.5)
                        for _ in range(order.rhythm.turns):
                            sound = self._sounds[(number + turn) % len(self._sounds)]
                            turn += 1
                            await self._turn(line, mouth, sound, number, turn - 1)
                            await mouth.silence(order.rhythm.think_seconds * (0.5 + chance.random()))
            except LineError as error:
                self._tell(speaker=number, turn=turn - 1, error=_kind(str(error)))
                await anyio.sleep(REDIAL_SECONDS)

    async def _turn(self, line: Line, mouth: Mouth, sound: bytes, speaker: int, turn: int) -> None:
        """One turn, until the reply has been heard. Raises `LineError` where there is none, or not a whole one."""
        before, heard = len(line.replies), len(line.transcripts)
        ended = await mouth.say(sound)

        def answer() -> Reply | None:
            fresh = (reply for reply in line.replies[before:] if reply.timings and reply.first_audio_at is not None)
            return next((reply for reply in fresh if (reply.first_audio_at or 0.0) > ended), None)

        await mouth.silent_until(lambda: bool(answer() or line.errors), self._order.rhythm.patience_seconds)
        reply = answer()
        if reply is None:
            raise LineError(next((str(error.get("code") or error.get("type")) for error in line.errors), "lost"))
        await mouth.silent_until(reply.done.is_set, WHOLE_SECONDS)
        first = reply.first_audio_at or 0.0
        seconds = len(reply.pcm) / 2 / RATE
        if reply.status not in ("completed", "incomplete") or not seconds:  # incomplete: as long as it may be
            raise LineError(reply.status if reply.done.is_set() else "lost")
        await mouth.silence(max(0.0, first + seconds - anyio.current_time()))
        early = sum(one is not reply and one.first_audio_at is not None for one in line.replies[before:])
        said = "".join(line.transcripts[heard:]) + reply.text
        self._tell(
            speaker=speaker, turn=turn, seconds=first - ended, cut_offs=early, said_bytes=len(said.encode()),
            heard_seconds=seconds, timings=reply.timings,
        )  # fmt: skip
        for one in line.replies:
            one.pcm.clear()

    def _tell(self, **fields: Any) -> None:
        at = time.perf_counter() - self._began
        load = (time.process_time() - self._spent) / at
        print(json.dumps(asdict(Report(round(at, 3), load, **fields))), flush=True)


def _kind(message: str) -> str:
    """Few kinds, whatever the sentence says."""
    for start, kind in (("The box did not answer", "no answer"), ("The box ended", "lost")):
        if message.startswith(start):
            return kind
    return message if message.replace("_", "").isalnum() else "refused"


async def main() -> None:
    """Do as the first line says until the second one comes."""
    order = msgspec.json.decode(await to_thread.run_sync(sys.stdin.readline), type=Order)
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Crowd(order).converse, stop)
        await to_thread.run_sync(sys.stdin.readline)
        stop.set()


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(1, 9)  # ends with whoever started it
    anyio.run(main)
