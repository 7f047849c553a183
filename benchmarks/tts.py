"""Speaking: how soon a text begins to sound, how much faster than real time it is made, and what a kept clause saves.

Through the box's own door, over one connection, texts of three lengths in turn; no text is said twice but on purpose.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from appliance.jobs import SPEECH_RATE
from benchmarks.figures import Figure, made_of, ratio
from benchmarks.progress import rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from benchmarks.bench import Bench

SECONDS: Final = 45.0
MOST, QUICK = 12, 3
NUMBERS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
TEXTS: Final = {
    "clause": "Yes, number {} is right.",
    "sentence": "The train at platform {} leaves in a few minutes, and it is the last one that stops at the harbour.",
    "paragraph": (
        "The story of house number {} begins a long time ago. A family of fishers lived there, and every morning they "
        "went out to the sea. One day the youngest of them found a strange old clock between the stones. It did not "
        "show the hour, but the height of the tide. Since then nobody in the village has ever come too late."
    ),
}
AGAIN: Final = "clause"
"""What is asked for again."""
KEPT: Final = 9
"""Times that it is: a few milliseconds each, which are easily a few more."""
SETTINGS: Final = {"APPLIANCE_CACHE__SPEECH_MB": "64"}


@dataclass(frozen=True, slots=True)
class Spoken:
    """Seconds until the first sample and until the last, and of sound."""

    first: float
    whole: float
    sound: float

    @property
    def factor(self) -> float:
        """Real-time factor: seconds of work for a second of sound."""
        return self.whole / self.sound


def measure(bench: Bench) -> Iterator[Figure]:
    """All figures of the voice."""
    fresh: dict[str, list[Spoken]] = defaultdict(list)
    kept: list[float] = []
    with bench.box(SETTINGS) as box, bench.client(box) as client:
        for turn, number in enumerate(rounds("speaking", QUICK if bench.quick else MOST, SECONDS, warm=1)):
            name = " ".join((NUMBERS[turn // 10 % 10], NUMBERS[turn % 10]))
            for kind, text in TEXTS.items():
                spoken = say(client, text.format(name), "miss")
                if number:
                    fresh[kind].append(spoken)
            if number:
                again = TEXTS[AGAIN].format(name)
                kept.append(statistics.median(say(client, again, "hit").first for _ in range(KEPT)))
    for kind, taken in fresh.items():
        yield made_of(f"tts_first_audio_{kind}", [each.first for each in taken], "s")
        yield made_of(f"tts_whole_{kind}", [each.whole for each in taken], "s")
        yield made_of(f"tts_real_time_factor_{kind}", [each.factor for each in taken], "", lower_is_better=True)
    firsts = {kind: [each.first for each in taken] for kind, taken in fresh.items()}
    yield ratio("tts_first_audio_paragraph_over_clause", firsts["paragraph"], firsts["clause"], lower_is_better=True)
    yield made_of("tts_first_audio_kept", kept, "s")
    yield ratio("tts_first_audio_made_over_kept", firsts[AGAIN], kept, lower_is_better=False)


def say(client: httpx.Client, text: str, expected: str) -> Spoken:
    """Have a text spoken. Raises click's `ClickException` where it was not made, or kept, as it should be."""
    began = time.perf_counter()
    first, size = 0.0, 0
    with client.stream("POST", "/v1/audio/speech", json={"input": text, "response_format": "pcm"}) as answer:
        for piece in answer.iter_bytes():
            first = first or time.perf_counter() - began
            size += len(piece)
    if answer.status_code != 200 or answer.headers.get("x-cache") != expected or not size:
        outcome = answer.headers.get("x-cache")
        raise click.ClickException(f"/v1/audio/speech: {answer.status_code}, x-cache {outcome!r}, not {expected!r}")
    return Spoken(first, time.perf_counter() - began, size / 2 / SPEECH_RATE)
