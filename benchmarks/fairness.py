"""Whether one user at full blast can push another one's turn past its goal.

The same turns alone and beside the blast, alternately, on one box that wants keys, with the limits that users have.
What is refused, or not answered within `PATIENCE_SECONDS`, is given up, and counts as answered then.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import anyio
import click
import httpx

from appliance.cli.line import LineError, Mouth, dial
from appliance.cli.talk import recording
from appliance.errors import one_error
from benchmarks.blast import CROWD
from benchmarks.figures import Figure, percentile
from benchmarks.live import LEAD_SECONDS, STAGES, TURNS_A_SESSION, Turn, one_turn, session
from benchmarks.talker import talker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.box import Box

GOAL_SECONDS: Final = 2.0
"""Voice to voice in 95 of 100 turns, whatever others do."""
PATIENCE_SECONDS: Final = 10.0
MOST_GIVEN_UP: Final = 3
"""After so many of a round's turns, or of its chats, the others are not tried."""
SETTLE_SECONDS: Final = 5.0
"""A blast is under way after so long, and what it left behind is gone."""
ALONE: Final = "alone"
BESIDE: Final = {
    "beside_requests": tuple(kind for kind in CROWD if kind != "session"),
    "beside_sessions": ("session",),
    "beside_all": tuple(CROWD),
}
"""By name: what the blast is made of."""
TEXT: Final = '"delta":{"content":'


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often all is gone through, with so many turns and chats each time."""

    rounds: int
    turns: int
    chats: int
    beside: Sequence[str]


FULL, QUICK = Rounds(2, 6, 4, tuple(BESIDE)), Rounds(1, 3, 3, ("beside_all",))


@dataclass(slots=True)
class Had:
    """What the other user had."""

    turns: list[Turn] = field(default_factory=list)
    turns_given_up: int = 0
    chats: list[float] = field(default_factory=list)
    """Seconds until the first token."""
    chats_given_up: int = 0

    @property
    def voice(self) -> list[float]:
        """Seconds of each turn."""
        return [turn.seconds for turn in self.turns] + [PATIENCE_SECONDS] * self.turns_given_up

    @property
    def typed(self) -> list[float]:
        """Seconds until each chat's first token."""
        return self.chats + [PATIENCE_SECONDS] * self.chats_given_up


@dataclass(slots=True)
class Blasted:
    """What became of what the blast asked: by kind and status; and what asking took, as a share of a core."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    load: list[float] = field(default_factory=list)


def measure(box: Box, keys: tuple[str, str], files: Sequence[Path], rounds: Rounds) -> Iterator[Figure]:
    """All figures; `keys` are those of the user at full blast and of the other one."""
    loud, quiet = keys
    sounds = [recording(file) for file in files]
    had: dict[str, Had] = defaultdict(Had)
    blasted: dict[str, Blasted] = defaultdict(Blasted)
    _converse(box, quiet, sounds, 1, Had())  # warms
    for number in range(rounds.rounds):
        for name in (ALONE, *rounds.beside):
            click.echo(f"{rounds.turns} turns and {rounds.chats} chats {name.replace('_', ' ')},"
                       f" round {number + 1} of {rounds.rounds}", err=True)  # fmt: skip
            if name == ALONE:
                _use(box, quiet, sounds, rounds, had[name])
            else:
                with _blast(box, loud, files, BESIDE[name], blasted[name]):
                    _use(box, quiet, sounds, rounds, had[name])
            time.sleep(SETTLE_SECONDS)
    for name in (ALONE, *rounds.beside):
        yield from _figures(name, had[name], had[ALONE])
    for name in rounds.beside:
        yield from _became(name, blasted[name])


@contextmanager
def _blast(box: Box, key: str, files: Sequence[Path], kinds: Sequence[str], blasted: Blasted) -> Iterator[None]:
    """One user's blast, for as long as the block lasts."""
    with talker("benchmarks.blast") as process:
        process.ask({"url": box.url, "key": key, "kinds": kinds, "files": [str(file) for file in files]})
        time.sleep(SETTLE_SECONDS)
        yield
        told = process.ask("stop")
        for kind, counts in told["counts"].items():
            blasted.counts[kind].update(counts)
        blasted.load.append(told["load"])


def _use(box: Box, key: str, sounds: Sequence[bytes], rounds: Rounds, had: Had) -> None:
    _converse(box, key, sounds, rounds.turns, had)
    before = had.chats_given_up
    for number in range(rounds.chats):
        first = _first_token(box, key, number)
        if first is None:
            had.chats_given_up += 1
            if had.chats_given_up - before >= MOST_GIVEN_UP:
                break
        else:
            had.chats.append(first)


def _converse(box: Box, key: str, sounds: Sequence[bytes], turns: int, had: Had) -> None:
    """So many turns more, in conversations of a few."""

    async def talk() -> None:
        left, before = turns, had.turns_given_up
        while left and had.turns_given_up - before < MOST_GIVEN_UP:
            try:
                with one_error(LineError):
                    async with dial(box.url, key, session({"type": "server_vad"}), lambda _: None) as line:
                        mouth = Mouth(line)
                        await mouth.silence(LEAD_SECONDS)
                        for _ in range(min(TURNS_A_SESSION, left)):
                            left -= 1
                            had.turns.append(await one_turn(line, mouth, sounds[left % len(sounds)], PATIENCE_SECONDS))
            except LineError as error:
                click.echo(f"a turn was given up: {error}", err=True)
                had.turns_given_up += 1

    anyio.run(talk)


def _first_token(box: Box, key: str, number: int) -> float | None:
    """Seconds until the first token of a short typed chat; None where it is refused, or given up."""
    messages = [{"role": "user", "content": f"Say something about the number {number}."}]
    body = {"messages": messages, "max_tokens": 16, "stream": True, "temperature": 0}
    headers = {"authorization": f"Bearer {key}"}
    began = time.perf_counter()
    url = f"{box.url}/v1/chat/completions"
    try:
        with httpx.stream("POST", url, json=body, headers=headers, timeout=PATIENCE_SECONDS) as answer:
            for line in answer.iter_lines():
                if TEXT in line:
                    return time.perf_counter() - began
                if time.perf_counter() - began > PATIENCE_SECONDS:
                    break
            click.echo(f"a chat had no text: {answer.status_code}", err=True)
    except httpx.HTTPError:
        click.echo("a chat was given up", err=True)
    return None


def _figures(name: str, had: Had, alone: Had) -> Iterator[Figure]:
    yield Figure(f"fairness_{name}_turns", len(had.voice))
    yield Figure(f"fairness_{name}_turns_given_up", had.turns_given_up, at_most=0)
    yield from _compared(f"fairness_{name}_voice", had.voice, alone.voice, None if had is alone else GOAL_SECONDS)
    for stage in STAGES:
        if times := [turn.timings[stage] / 1000 for turn in had.turns if stage in turn.timings]:
            yield Figure(f"fairness_{name}_until_{stage}_p50", percentile(times, 0.5), "s")
            yield Figure(f"fairness_{name}_until_{stage}_p95", percentile(times, 0.95), "s")
    yield Figure(f"fairness_{name}_chats", len(had.typed))
    yield Figure(f"fairness_{name}_chats_given_up", had.chats_given_up, at_most=0)
    yield from _compared(f"fairness_{name}_chat_first_token", had.typed, alone.typed, None)


def _compared(name: str, seconds: Sequence[float], alone: Sequence[float], goal: float | None) -> Iterator[Figure]:
    for share in (50, 95):
        value = percentile(seconds, share / 100)
        yield Figure(f"{name}_p{share}", value, "s", at_most=goal if share == 95 else None)
        if seconds != alone:
            yield Figure(f"{name}_p{share}_over_alone", value / percentile(alone, share / 100))


def _became(name: str, blasted: Blasted) -> Iterator[Figure]:
    for kind in CROWD:
        for status, count in sorted(blasted.counts[kind].items()):
            yield Figure(f"fairness_{name}_blast_{kind}_{status}", count)
    yield Figure(f"fairness_{name}_blast_own_load", 100 * statistics.mean(blasted.load), "% of core")
