"""Listening: how right and how fast live utterances are understood, beside faster-whisper's own `transcribe`.

The same model reads the same recordings, alternately: clean, and with noise 10 dB below the speech, drawn from a seed.
Word error rates are over all words of a condition; `live` is the engine as its worker drives it, with all its guards.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click
import numpy as np

from appliance.engines.host import ENVIRONMENT
from appliance.jobs import STT_RATE, Understand, Understood
from appliance.probing.wrong_words import errors
from benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from appliance.engines.specs import Whisper

    Samples = NDArray[np.float32]
    Reader = Callable[[Samples], str]

NOISES: Final = ("white", "pink", "babble")
SNR_DB: Final = 10.0
SHORT_SECONDS: Final = 5.0
WAITING: Final = (2, 4)
"""Utterances that wait at the same moment."""

CUT: Final = "jfk.flac"
PIECES: Final = (
    (0.1, 2.6, "and so my fellow americans"),
    (3.1, 4.7, "ask not"),
    (5.2, 7.95, "what your country can do for you"),
    (7.95, 10.9, "ask what you can do for your country"),
)
"""Utterances of that recording between its pauses: seconds, and what is said."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """Noises drawn of each kind, and how often a pass with others is timed."""

    draws: int
    together: int


FULL, QUICK = Rounds(3, 9), Rounds(1, 3)


@dataclass(frozen=True, slots=True)
class Utterance:
    """A recording, −1 to 1 at `STT_RATE`, and what is said in it."""

    samples: Samples
    words: list[str]

    @property
    def short(self) -> bool:
        """Whether it counts for the speed of short utterances."""
        return self.samples.size < SHORT_SECONDS * STT_RATE


def measure(speech: Path, spec: Whisper, rounds: Rounds) -> Iterator[Figure]:
    """All figures of the listening engine; `speech` is a folder with recordings and `transcripts.tsv`."""
    os.environ.update(ENVIRONMENT)  # before the library is loaded, so that it runs as in a worker
    from appliance.engines import whisper

    engine: Any = whisper.load(spec)
    short = engine.utterances.short
    spoken = utterances(speech)

    def own(beam_size: int) -> Reader:
        def read(samples: Samples) -> str:
            segments, _ = short.model.transcribe(samples, language="en", beam_size=beam_size)
            return "".join(segment.text for segment in segments)

        return read

    readers: dict[str, Reader] = {"live": lambda samples: _live(engine, [samples])[0], "own_beam_5": own(5)}
    if spec.beam_size != 5:
        readers[f"own_beam_{spec.beam_size}"] = own(spec.beam_size)
    yield from _accuracy(spoken, readers, rounds.draws)
    yield from _together(short, [each.samples for each in spoken if each.short], rounds.together)


def utterances(speech: Path) -> list[Utterance]:
    """The recordings, and the pieces of the one that has pauses."""
    from faster_whisper.audio import decode_audio

    found = []
    for line in (speech / "transcripts.tsv").read_text().splitlines()[1:]:
        name, _, words = line.split("\t")
        samples = decode_audio(str(speech / name), sampling_rate=STT_RATE)
        found.append(Utterance(samples, words.split()))
        if name == CUT:
            found += [
                Utterance(samples[int(start * STT_RATE) : int(end * STT_RATE)], piece.split())
                for start, end, piece in PIECES
            ]
    return found


def _accuracy(spoken: Sequence[Utterance], readers: dict[str, Reader], draws: int) -> Iterator[Figure]:
    for read in readers.values():
        read(spoken[0].samples)  # the first of each warms
    wrong: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    seconds: dict[str, float] = defaultdict(float)
    ratios: dict[str, list[float]] = defaultdict(list)
    total: dict[str, int] = defaultdict(int)
    for kind in ("clean", *NOISES):
        for draw in range(1 if kind == "clean" else draws):
            click.echo(f"listening, {kind}, {draw + 1} of {draws}", err=True)
            for number, each in enumerate(spoken):
                samples = noisy(spoken, number, kind, seed=draw)
                total[kind] += len(each.words)
                taken = {}
                for name, read in readers.items():
                    began = time.perf_counter()
                    text = read(samples)
                    taken[name] = time.perf_counter() - began
                    wrong[kind][name] += errors(each.words, normal(text))
                if each.short:
                    for name in readers:
                        seconds[name] += taken[name]
                        ratios[name].append(taken[name] / taken["live"])
    count = len(ratios["live"])
    for kind in ("clean", *NOISES):
        for name in readers:
            yield Figure(f"stt_{kind}_{name}_wer", 100 * wrong[kind][name] / total[kind], "%")
    words = sum(total.values())
    every = {name: 100 * sum(wrong[kind][name] for kind in total) / words for name in readers}
    yield Figure("stt_words", words)
    for name in readers:
        yield Figure(f"stt_{name}_wer", every[name], "%")
    for name in list(readers)[1:]:
        yield Figure(f"stt_live_wer_over_{name}", every["live"] - every[name], "points", at_most=1.0)
    for name in readers:
        yield Figure(f"stt_short_{name}", seconds[name] / count, "s")
    for name in list(readers)[1:]:
        yield Figure(f"stt_short_{name}_over_live", statistics.median(ratios[name]), "", at_least=3.0)


def _together(short: Any, spoken: Sequence[Samples], rounds: int) -> Iterator[Figure]:
    """What is gained and lost by one pass for several, in the time of one pass for each."""
    from appliance.engines.whisper.short import Wanted

    for count in WAITING:
        wanted = [Wanted(samples, "en") for samples in spoken[:count]]
        total, mean = [], []
        for _ in range(rounds):
            apart = []
            began = time.perf_counter()
            for each in wanted:
                short.hear([each])
                apart.append(time.perf_counter() - began)
            began = time.perf_counter()
            short.hear(wanted)
            once = time.perf_counter() - began
            total.append(once / apart[-1])
            mean.append(once / statistics.mean(apart))
        yield Figure(f"stt_{count}_in_one_pass_total_over_apart", statistics.median(total))
        yield Figure(f"stt_{count}_in_one_pass_mean_finish_over_apart", statistics.median(mean))


def _live(engine: Any, spoken: Sequence[Samples]) -> list[str]:
    for number, samples in enumerate(spoken):
        pcm = np.clip(samples * 32768, -32768, 32767).astype("<i2").tobytes()
        engine.submit(number, Understand(language="en"), pcm, request_id="", window=1)
    texts = [""] * len(spoken)
    while engine.busy:
        for said in engine.step():
            if isinstance(said.part, Understood):
                texts[said.id] = said.part.text
    return texts


def noisy(spoken: Sequence[Utterance], number: int, kind: str, *, seed: int) -> Samples:
    """One utterance, with a noise `SNR_DB` below it unless `kind` is "clean"."""
    samples, size = spoken[number].samples, spoken[number].samples.size
    if kind == "clean":
        return samples
    draw = np.random.default_rng([seed, number])
    noise: NDArray[np.float64] = draw.standard_normal(size)
    if kind == "pink":
        spectrum = np.fft.rfft(noise)
        noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(spectrum.size))), size)
    elif kind == "babble":
        others = [each.samples for each in spoken if each.samples is not samples and each.short]
        noise = np.sum([np.roll(np.resize(_even(each), size), draw.integers(size)) for each in others], axis=0)
    made = samples + noise * np.sqrt(np.mean(samples**2) / np.mean(noise**2)) * 10 ** (-SNR_DB / 20)
    clipped: Samples = np.clip(made, -1, 1).astype(np.float32)
    return clipped


def _even(samples: Samples) -> Samples:
    even: Samples = samples / np.float32(np.sqrt(np.mean(samples**2)))
    return even


def normal(text: str) -> list[str]:
    """Words in small letters, without punctuation."""
    kept = "".join(letter if letter.isalnum() or letter.isspace() else "" for letter in text.lower().replace("-", " "))
    return kept.split()
