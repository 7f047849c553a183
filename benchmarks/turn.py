"""Spoken turns, voice to voice: through the real socket, one conversation and several, and what they consist of.

A round has all kinds of turns one after another, and the same recordings one stage after another and each stage alone,
so that ratios are of what happened within the same minute.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from appliance.audio import wav
from appliance.cli.line import RATE
from benchmarks import staged
from benchmarks.figures import Figure, made_of, ratio, ratio_of_rounds
from benchmarks.live import ALIKE, ENDPOINT_SECONDS, REPLY_TOKENS, TELL, InTurn, Turn, lower_bound, voice_to_voice
from benchmarks.progress import rounds, step
from benchmarks.speakers import trimmed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import httpx

    from benchmarks.bench import Bench
    from benchmarks.box import Box

SECONDS: Final = 150.0
MOST, QUICK = 4, 1
ALONE, ALONE_QUICK = 3, 2
"""Turns of a round in one conversation; each is also done one stage after another."""
SEMANTIC: Final = 2
AT_ONCE: Final = 2
"""Turns of a round in each of several conversations."""
SESSIONS: Final = (2, 4)
FIXED: Final[dict[str, Any]] = {"type": "server_vad"}
GUESSED: Final[dict[str, Any]] = {"type": "semantic_vad"}
STAGES: Final = ("paused", "understood", "first_token", "first_clause", "first_audio", "sent")
"""In their order; what lies between two of them is the later one's share."""
BARE: Final = ("understand", "write", "speak")


@dataclass(slots=True)
class Measured:
    """What all rounds have brought. Seconds, with the silence that ends a turn where stages come one after another."""

    turns: dict[str, list[Turn]] = field(default_factory=lambda: defaultdict(list))
    """By kind: the number of sessions, or "semantic"."""
    alone: list[list[float]] = field(default_factory=list)
    """Of one conversation, by round."""
    at_once: dict[int, list[list[float]]] = field(default_factory=lambda: defaultdict(list))
    """Of so many, by round."""
    libraries: list[float] = field(default_factory=list)
    bare: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    posted: list[float] = field(default_factory=list)
    posted_staged: list[float] = field(default_factory=list)


def measure(bench: Bench) -> Iterator[Figure]:
    """All figures of spoken turns."""
    many = sorted({each for each in bench.sessions or SESSIONS if each > 1})
    every = [trimmed(each.pcm) for each in bench.speech.turns]
    sounds = [*every[::2], *every[1::2]]  # neighbours are often alike, and a round takes a few
    found = Measured()
    with bench.box({**ALIKE, "APPLIANCE_LIMITS__SESSIONS": str(max(64, *many))}) as box, bench.client(box) as client:
        ways = InTurn(client, bench)
        voice_to_voice(box, sounds, 1, 1, FIXED)  # these warm
        ways.libraries(sounds[0])
        lower_bound(client, sounds[0])
        for number in rounds("turns", QUICK if bench.quick else MOST, SECONDS, least=2 - bench.quick):
            _round(found, box, client, ways, sounds, many, number, bench.quick)
        _post(found, client, sounds[0], bench.quick)
    yield from _figures(found, many)


def _round(
    found: Measured, box: Box, client: httpx.Client, ways: InTurn, sounds: Sequence[bytes], many: Sequence[int],
    number: int, quick: bool,
) -> None:  # fmt: skip
    count = ALONE_QUICK if quick else ALONE
    sounds = [sounds[(each + (number - 1) * count) % len(sounds)] for each in range(count)]
    alone = voice_to_voice(box, sounds, 1, count, FIXED)
    found.turns["1"] += alone
    found.alone.append([turn.seconds for turn in alone])
    found.libraries += [ENDPOINT_SECONDS + ways.libraries(sounds[turn.sound]) for turn in alone]
    for turn in alone:
        for stage, seconds in lower_bound(client, sounds[turn.sound]).items():
            found.bare[stage].append(seconds)
    found.turns["semantic"] += voice_to_voice(box, sounds, 1, SEMANTIC, GUESSED)
    for sessions in many:
        step(f"round {number}: {sessions} conversations at once")
        taken = voice_to_voice(box, sounds, sessions, 1 if quick else AT_ONCE, FIXED)
        found.turns[str(sessions)] += taken
        found.at_once[sessions].append([turn.seconds for turn in taken])


def _post(found: Measured, client: httpx.Client, sound: bytes, quick: bool) -> None:
    """A turn as one request, beside the same through the doors for each stage; a single word could not be streamed."""
    question = wav(sound, RATE)
    for number in rounds("turns as one request", 2 if quick else 5, 20.0, warm=1):
        fast = staged.streamed(client, question, TELL)
        slow = staged.staged(client, question, TELL, REPLY_TOKENS)
        if number:
            found.posted.append(fast.seconds)
            found.posted_staged.append(slow.seconds)


def _figures(found: Measured, many: Sequence[int]) -> Iterator[Figure]:
    for kind in ("1", "semantic", *map(str, many)):
        turns = found.turns[kind]
        seconds = [turn.seconds for turn in turns]
        bounds = (0.7, 1.2) if kind == "1" else (None, None)
        yield made_of(f"turn_voice_to_voice_{kind}", seconds, "s", at_most=bounds[0])
        yield made_of(f"turn_voice_to_voice_{kind}_p95", seconds, "s", 0.95, at_most=bounds[1])
        yield from _shares(kind, turns)
    for sessions in many:
        yield ratio_of_rounds(
            f"turn_{sessions}_sessions_over_1", found.at_once[sessions], found.alone, lower_is_better=True
        )  # fmt: skip
    yield Figure("turn_cut_offs", sum(turn.cut_offs for turns in found.turns.values() for turn in turns))
    live = [turn.seconds for turn in found.turns["1"]]
    yield made_of("turn_staged", found.libraries, "s")
    yield ratio("turn_staged_over_live", found.libraries, live, at_least=4)
    for stage in BARE:
        yield made_of(f"turn_bare_{stage}", found.bare[stage], "s")
    least = [ENDPOINT_SECONDS + sum(stages) for stages in zip(*(found.bare[stage] for stage in BARE), strict=True)]
    yield made_of("turn_bare_and_silence", least, "s")
    yield ratio("turn_live_over_bare_and_silence", live, least, lower_is_better=True)
    yield made_of("turn_posted_first_audio", found.posted, "s")
    yield ratio("turn_posted_staged_over_streamed", found.posted_staged, found.posted, at_least=2.5)


def _shares(kind: str, turns: Sequence[Turn]) -> Iterator[Figure]:
    """Seconds from the last voice to each stage, and each stage's own share: what it adds to the one before."""
    over = [turn.timings["over"] / 1000 for turn in turns if "over" in turn.timings]
    if over:
        yield made_of(f"turn_{kind}_until_over", over, "s")
    added: dict[str, list[float]] = defaultdict(list)
    for turn in turns:
        at = 0.0
        for stage in STAGES:
            if stage in turn.timings:
                added[stage].append(max(0.0, turn.timings[stage] - at) / 1000)
                at = max(at, turn.timings[stage])
    for stage in STAGES:
        if added[stage]:
            yield made_of(f"turn_{kind}_share_{stage}", added[stage], "s")
