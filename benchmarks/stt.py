"""Listening: how fast utterances of each length are understood, how right, and what one pass for several saves.

The engine runs in this process as it does in its worker; beside it, alternately, the same model reads the same samples
by faster-whisper's own `transcribe`.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from appliance.engines.host import ENVIRONMENT
from appliance.engines.specs import Whisper
from appliance.jobs import STT_RATE, Understand, Understood
from benchmarks import word_errors
from benchmarks.figures import Figure, made_of, ratio
from benchmarks.progress import rounds
from benchmarks.word_errors import sound_of, utterances

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.bench import Bench
    from benchmarks.word_errors import Reader, Samples

LENGTHS: Final = (1, 2, 4, 8, 16)
"""Seconds of an utterance."""
SECONDS: Final = 45.0
MOST, QUICK = 5, 1
DRAWS: Final = 1
"""Noises of each kind."""
WAITING: Final = (2, 4)
"""Utterances that wait at the same moment."""
TOGETHER, TOGETHER_QUICK = 9, 3
TOGETHER_SECONDS: Final = 25.0
OWN: Final = 5
"""Width of the beam that faster-whisper itself has."""
SHORT_LENGTHS: Final = (1, 2, 4)


def measure(bench: Bench) -> Iterator[Figure]:
    """All figures of the listening engine."""
    os.environ.update(ENVIRONMENT)  # before the library is loaded, so that it runs as in a worker
    from appliance.engines import whisper
    from appliance.engines.cuda import preload

    preload()
    import ctranslate2

    ctranslate2.set_random_seed(1)  # where it is unsure, faster-whisper draws lots
    stt = bench.settings.stt
    spec = Whisper(
        name=bench.lineup.stt.name, path=str(bench.lineup.stt.main), device=stt.device, compute_type=stt.compute_type,
        threads=stt.threads, beam_size=stt.beam_size,
    )  # fmt: skip
    engine: Any = whisper.load(spec)
    short = engine.utterances.short

    def own(samples: Samples) -> str:
        segments, _ = short.model.transcribe(samples, language="en", beam_size=OWN)
        return "".join(segment.text for segment in segments)

    readers: dict[str, Reader] = {"live": lambda samples: _live(engine, samples), f"own_beam_{OWN}": own}
    every = [sound_of(each.pcm) for each in bench.speech.recordings]
    spoken = utterances(bench.speech.known)
    if not spoken:
        bench.notes.append("Word errors were left out: the words of no recording are known.")
    elif bench.quick:
        yield from word_errors.measure(spoken[:3], readers, DRAWS)
    else:
        yield from word_errors.measure(spoken, readers, DRAWS)
    yield from _lengths(readers, every, bench.quick)
    yield from _together(short, [sound_of(each.pcm) for each in bench.speech.turns], bench.quick)


def _lengths(readers: dict[str, Reader], every: Sequence[Samples], quick: bool) -> Iterator[Figure]:
    """Seconds for each length, all lengths in turn; what is heard is cut from the recordings, one after another."""
    whole = np.concatenate(every)
    taken: dict[int, dict[str, list[float]]] = {length: defaultdict(list) for length in LENGTHS}
    for number in rounds("utterances of each length", QUICK if quick else MOST, SECONDS, warm=1):
        for length in LENGTHS:
            size = length * STT_RATE
            samples = np.resize(np.roll(whole, -number * 7919 * STT_RATE // 1000), size)
            for name, read in readers.items() if number else [*readers.items()][:1]:  # one model, warm by either
                began = time.perf_counter()
                read(samples)
                if number:
                    taken[length][name].append(time.perf_counter() - began)
    for length in LENGTHS:
        for name in readers:
            yield made_of(f"stt_{name}_{length}s", taken[length][name], "s")
    other = list(readers)[1]
    for length in LENGTHS:
        demanded = 3.0 if length in SHORT_LENGTHS[1:] else None
        yield ratio(
            f"stt_{other}_over_live_{length}s", taken[length][other], taken[length]["live"], at_least=demanded,
            lower_is_better=False,
        )  # fmt: skip
    short = [(taken[length][other], taken[length]["live"]) for length in SHORT_LENGTHS]
    yield ratio(
        f"stt_short_{other}_over_live", [each for pair in short for each in pair[0]],
        [each for pair in short for each in pair[1]], at_least=3.0,
    )  # fmt: skip


def _together(short: Any, spoken: Sequence[Samples], quick: bool) -> Iterator[Figure]:
    """What is gained and lost by one pass for several, in the time of one pass for each."""
    from appliance.engines.whisper.short import Wanted

    once: dict[int, list[float]] = defaultdict(list)
    apart: dict[int, list[float]] = defaultdict(list)
    mean: dict[int, list[float]] = defaultdict(list)
    for number in rounds("several in one pass", TOGETHER_QUICK if quick else TOGETHER, TOGETHER_SECONDS, warm=1):
        for count in WAITING:
            wanted = [Wanted(spoken[place % len(spoken)], "en") for place in range(count)]
            ends = []
            began = time.perf_counter()
            for each in wanted:
                short.hear([each])
                ends.append(time.perf_counter() - began)
            began = time.perf_counter()
            short.hear(wanted)
            if number:
                once[count].append(time.perf_counter() - began)
                apart[count].append(ends[-1])
                mean[count].append(sum(ends) / count)
    for count in WAITING:
        yield made_of(f"stt_{count}_in_one_pass", once[count], "s")
        yield ratio(f"stt_{count}_in_one_pass_over_apart", once[count], apart[count], lower_is_better=True)
        yield ratio(f"stt_{count}_in_one_pass_mean_finish_over_apart", once[count], mean[count], lower_is_better=True)


def _live(engine: Any, samples: Samples) -> str:
    pcm = np.clip(samples * 32768, -32768, 32767).astype("<i2").tobytes()
    engine.submit(1, Understand(language="en"), pcm, request_id="", window=1)
    text = ""
    while engine.busy:
        for said in engine.step():
            if isinstance(said.part, Understood):
                text = said.part.text
    return text
