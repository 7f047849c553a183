"""How many speakers a box carries, by its stages' own figures: a model on paper, to be held against `capacity`.

A turn listens, reads and writes, and speaks; each stage's work comes from a quick measurement through the box's doors
(`stages`) or from the figures of one (`model_…` in a result). Speakers are a closed network (`network`). Where all
stages share the same few cores, they are one station whose visit is the whole turn's work, a batch's savings included,
and what is done for every second of everybody's audio (turn detection, sockets) takes its share of the cores away
first. Where listening and the language model have a GPU and voices the CPU, each stage is a station of its own.

What it leaves out: who goes before whom (a reply's first words go before its later ones, so the box may be better),
partial transcripts and guesses that are thrown away (it may be worse), and that real work is not exponential.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click
import numpy as np

from benchmarks.figures import Figure
from benchmarks.network import Solved, Station, first_audio, solve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SHARE: Final = 0.95
MOST: Final = 1024
SENT_SECONDS: Final = 0.02
"""From the first audio's being ready to its arrival."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What people's turns are like: seconds and tokens."""

    spoken: float = 2.7
    think: float = 3.0
    prompt_tokens: int = 40
    """New in each turn; what came before is in the KV cache."""
    clause_tokens: int = 10
    """Of the first clause, which is spoken while the rest is written."""
    reply_tokens: int = 40
    clause_sound: float = 1.5
    reply_sound: float = 9.0
    stretches: float = 3.0
    """In which a reply is spoken."""
    paused: float = 0.11
    """From the last voice until listening begins."""
    over: float = 0.52
    """From the last voice until the turn is over: no reply is heard before."""


@dataclass(frozen=True, slots=True)
class Stages:
    """What a box's stages take, each with the machine to itself."""

    where: str
    shared: bool
    """Whether all of them take the same cores."""
    listen: Mapping[int, float]
    """By utterances at once: seconds until all of them are understood."""
    write: Mapping[int, float]
    """By replies at once: tokens a second in all."""
    read: float
    """Tokens of a prompt a second."""
    speak: float
    """Seconds for each stretch, however short."""
    speak_factor: float
    """Seconds for each second of sound."""
    detect: float = 0.0
    """Share of all cores for each person whose microphone is on: turn detection, sockets."""

    def figures(self) -> Iterator[Figure]:
        """As a result keeps them; `stages_of` reads them."""
        yield Figure("model_shared", float(self.shared))
        for name, unit, by in (("listen", "s", self.listen), ("write", "tokens/s", self.write)):
            for count, value in sorted(by.items()):
                yield Figure(f"model_{name}_{count}", value, unit)
        yield Figure("model_read", self.read, "tokens/s")
        yield Figure("model_speak", self.speak, "s")
        yield Figure("model_speak_factor", self.speak_factor)
        yield Figure("model_detect", 100 * self.detect, "% of box")


@dataclass(frozen=True, slots=True)
class Carried:
    """What the model says: how many people, what their 95th percentile is then, and which stage is busiest."""

    speakers: int
    p95: float
    bottleneck: str


def stages_of(figures: Mapping[str, float], where: str) -> Stages:
    """From a result's figures. Raises `ValueError` where one is missing."""

    def by_count(name: str) -> dict[int, float]:
        head = f"model_{name}_"
        return {
            int(each.removeprefix(head)): value
            for each, value in figures.items()
            if each.startswith(head) and each.removeprefix(head).isdigit()
        }

    listen, write = by_count("listen"), by_count("write")
    missing = [f"model_{name}" for name in ("read", "speak", "speak_factor") if f"model_{name}" not in figures]
    missing += [f"model_{name}_1" for name, found in (("listen", listen), ("write", write)) if 1 not in found]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    read, speak, factor = (figures[f"model_{name}"] for name in ("read", "speak", "speak_factor"))
    shared, detect = bool(figures.get("model_shared", 1)), figures.get("model_detect", 0) / 100
    return Stages(where, shared, listen, write, read, speak, factor, detect)


def between(by: Mapping[int, float], per_count: bool = False) -> Callable[[int], float]:
    """A figure at any count: straight between those measured, and beyond the last one as batches of that size.

    `per_count`: seconds, which grow with further batches; otherwise a rate, which stays.
    """
    counts = np.array(sorted(by), dtype=float)
    values = np.array([by[int(count)] for count in counts])

    def at(count: int) -> float:
        if count > counts[-1] and per_count:
            return float(values[-1] * count / counts[-1])
        return float(np.interp(count, counts, values))

    return at


def stations(stages: Stages, talk: Talk, speakers: int) -> list[Station]:
    """The box as a network's stations."""
    listen, rate = between(stages.listen, per_count=True), between(stages.write)
    clause_spoken = stages.speak + stages.speak_factor * talk.clause_sound
    reply_spoken = stages.speak * talk.stretches + stages.speak_factor * talk.reply_sound

    def written(count: int, tokens: int) -> float:
        return count * (talk.prompt_tokens / stages.read + tokens / rate(count))

    if stages.shared:
        left = max(0.02, 1 - speakers * stages.detect)

        def whole(count: int) -> float:
            return (listen(count) + written(count, talk.reply_tokens) + count * reply_spoken) / left

        def to_audio(count: int) -> float:
            return (listen(count) + written(count, talk.clause_tokens) + count * clause_spoken) / left

        return [Station("cores", 1.0, whole, to_audio)]
    stretch = reply_spoken / talk.stretches
    return [
        Station("listening", 1.0, listen, listen),
        Station(
            "language", 1.0, lambda count: written(count, talk.reply_tokens),
            lambda count: written(count, talk.clause_tokens),
        ),
        Station(
            "voice", talk.stretches, lambda count: count * stretch,
            lambda count: (count - 1) * stretch + clause_spoken,
        ),
    ]  # fmt: skip


def voice_to_voice(stages: Stages, talk: Talk, speakers: int, share: float = SHARE) -> tuple[float, Solved]:
    """Seconds that this share of the turns do not exceed with so many speakers, and what else is known then."""
    found = stations(stages, talk, speakers)
    work = sum(station.visits * station.seconds(1) for station in found)
    until = sum(station.to_audio(1) for station in found if station.to_audio is not None)
    # The rest of a reply is made while its beginning is heard, so that it makes no turn longer.
    away = max(0.5, talk.spoken + talk.paused + talk.reply_sound + talk.think - (work - until))
    solved = solve(found, away, speakers)
    return max(talk.over, talk.paused + first_audio(found, solved, share)) + SENT_SECONDS, solved


def carried(stages: Stages, talk: Talk, limit: float, share: float = SHARE) -> Carried:
    """The largest number that keeps the limit."""

    def keeps(speakers: int) -> bool:
        return voice_to_voice(stages, talk, speakers, share)[0] <= limit

    good, bad = 0, 1
    while bad <= MOST and keeps(bad):
        good, bad = bad, 2 * bad
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if keeps(middle) else (good, middle)
    p95, solved = voice_to_voice(stages, talk, max(1, good), share)
    return Carried(good, p95, _bottleneck(stages, talk, solved))


def _bottleneck(stages: Stages, talk: Talk, solved: Solved) -> str:
    if not stages.shared:
        return max(solved.busy, key=lambda name: solved.busy[name])
    work = {
        "listening": stages.listen[1],
        "language": talk.prompt_tokens / stages.read + talk.reply_tokens / stages.write[1],
        "voice": stages.speak * talk.stretches + stages.speak_factor * talk.reply_sound,
    }
    return max(work, key=lambda name: work[name])


def measure(
    stages: Stages, talk: Talk | None = None, limit: float = 2.0, found: int | None = None
) -> Iterator[Figure]:  # fmt: skip
    """The stages, what the model makes of them, and how that compares with what `capacity` has `found`."""
    talk = talk or Talk()
    yield from stages.figures()
    said = carried(stages, talk, limit)
    click.echo(f"model: {said.speakers} people at once; the most work is {said.bottleneck}", err=True)
    yield Figure("model_speakers", said.speakers, "people")
    for name in ("listening", "language", "voice"):
        yield Figure(f"model_bottleneck_{name}", float(said.bottleneck == name))
    for count in sorted({1, max(1, said.speakers // 2), max(1, said.speakers), said.speakers + 1}):
        for share in (50, 95):
            yield Figure(f"model_{count}_people_p{share}", voice_to_voice(stages, talk, count, share / 100)[0], "s")
    if found:
        yield Figure("model_over_capacity", said.speakers / found)
