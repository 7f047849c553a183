"""How many words are heard wrongly: clean, and with noises 10 dB below the speech, drawn from a seed.

Word error rates are over all words of a condition. `live` is the engine as its worker drives it, with all its guards;
`own_beam_5` is faster-whisper's own `transcribe` with the same model.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import soxr

from appliance.cli.line import RATE
from appliance.jobs import STT_RATE
from appliance.probing.wrong_words import errors, words
from benchmarks.figures import Figure
from benchmarks.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from benchmarks.speech import Recording

    Samples = NDArray[np.float32]
    Reader = Callable[[Samples], str]

NOISES: Final = ("white", "pink", "babble")
SNR_DB: Final = 10.0
SHORT_SECONDS: Final = 5.0

CUT: Final = "jfk.flac"
PIECES: Final = (
    (0.1, 2.6, "and so my fellow americans"),
    (3.1, 4.7, "ask not"),
    (5.2, 7.95, "what your country can do for you"),
    (7.95, 10.9, "ask what you can do for your country"),
)
"""Utterances of that recording between its pauses: seconds, and what is said."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A recording, −1 to 1 at `STT_RATE`, and what is said in it."""

    samples: Samples
    words: list[str]

    @property
    def short(self) -> bool:
        """Whether it is as long as what people say in a turn."""
        return self.samples.size < SHORT_SECONDS * STT_RATE


def sound_of(pcm: bytes) -> Samples:
    """Samples at the rate of the listening engine."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32_768
    wide: Samples = soxr.resample(samples, RATE, STT_RATE).astype(np.float32)
    return wide


def utterances(recordings: Sequence[Recording]) -> list[Utterance]:
    """The recordings whose words are known, and the pieces of the one that has pauses."""
    found = []
    for each in recordings:
        samples = sound_of(each.pcm)
        found.append(Utterance(samples, each.words or []))
        if each.file.name == CUT:
            found += [
                Utterance(samples[int(start * STT_RATE) : int(end * STT_RATE)], piece.split())
                for start, end, piece in PIECES
            ]
    return found


def measure(spoken: Sequence[Utterance], readers: Mapping[str, Reader], draws: int) -> Iterator[Figure]:
    """Word error rates of each reader, of which the first is `live`; so many noises are drawn of each kind."""
    wrong: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    total: dict[str, int] = defaultdict(int)
    babble = sum(each.short for each in spoken) > 1
    kinds = ["clean", *(kind for kind in NOISES if kind != "babble" or babble)]
    for kind in kinds:
        for draw in range(1 if kind == "clean" else draws):
            step(f"words, {kind}", draw + 1, draws)
            for number, each in enumerate(spoken):
                samples = noisy(spoken, number, kind, seed=draw)
                total[kind] += len(each.words)
                for name, read in readers.items():
                    wrong[kind][name] += errors(each.words, words(read(samples).replace("-", " ")))
    for kind in kinds:
        for name in readers:
            rate = 100 * wrong[kind][name] / total[kind]
            yield Figure(f"stt_{kind}_{name}_word_errors", rate, "%", lower_is_better=True)
    every = {name: 100 * sum(wrong[kind][name] for kind in kinds) / sum(total.values()) for name in readers}
    yield Figure("stt_words", sum(total.values()))
    for name in readers:
        yield Figure(f"stt_{name}_word_errors", every[name], "%", lower_is_better=True)
    for name in list(readers)[1:]:
        yield Figure(f"stt_live_word_errors_over_{name}", every["live"] - every[name], "points", at_most=1.0)


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
