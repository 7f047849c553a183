"""One voice: text to phonemes, phonemes to samples, and how long each phoneme lasts."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnxruntime
from piper import PiperConfig, PiperVoice, SynthesisConfig
from piper.const import BOS, EOS, PAD

from appliance.engines.piper.durations import with_durations
from appliance.engines.piper.loudness import evened, gain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from appliance.engines.specs import Piper

PROBE: Final = "1 2 3 4 5"
"""What a voice says to itself once, to hear how loud it is: digits are words in every language."""

PROBE_PACE: Final = 0.6
"""Its length to its normal one: as loud within 1 dB, in half the time."""

FADE_SECONDS: Final = 0.002
"""Over which a sentence begins and ends, so that nothing clicks where two meet."""

PAUSE_WEIGHT: Final = 3
"""A pause lasts as long as so many sounds, where a model does not tell durations."""

_INSIDE: Final = re.compile(
    r"\b(?:(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Sra|Mme|Hr|Fr|Nr|No(?=\. \d))|(?<=\b[A-Z]\. )[A-Z]|[A-Z](?=\. [A-Z]\.))\.(?= \S)"
)
"""Full stops that espeak takes for the end of a sentence, and are none: of titles, numbers and initials."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Mono samples at the voice's rate and loudness, and for each phoneme the sample at which it is over."""

    samples: NDArray[np.float32]
    ends: NDArray[np.int64]


class Voice:
    """Owns a model. `rate` is that of its samples in Hz."""

    def __init__(self, path: Path, spec: Piper) -> None:
        config = json.loads(path.with_name(path.name + ".json").read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = spec.threads or min(4, os.cpu_count() or 1)
        # Piper's own loader lets idle threads spin, which costs the other engines their cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # A plan of memory for each length that was ever said would be kept, and no length comes twice.
        options.enable_mem_pattern = False
        providers = ["CUDAExecutionProvider"] if spec.cuda else ["CPUExecutionProvider"]
        with with_durations(path) as model:
            session = onnxruntime.InferenceSession(model, sess_options=options, providers=providers)
        self._voice: Any = PiperVoice(config=PiperConfig.from_dict(config), session=session)
        self.rate: int = self._voice.config.sample_rate
        self.gain = 1.0
        self.gain = self._measured()

    def phonemes(self, text: str) -> list[list[str]]:
        """Of each sentence of `text`."""
        return [sentence for sentence in self._voice.phonemize(_INSIDE.sub(_unstopped, text)) if sentence]

    def alone(self, words: Sequence[str]) -> list[list[str]]:
        """The phonemes of each word as it is said alone."""
        # All at once, each a paragraph, is some thirty times faster than one after another.
        together: list[list[str]] = self._voice.phonemize("\n\n".join(words))
        if len(together) == len(words):
            return together
        return [[phoneme for part in self._voice.phonemize(word) for phoneme in part] for word in words]

    def say(self, phonemes: Sequence[str], speed: float) -> Sentence:
        """One sentence; `speed` 1.0 is the voice's own pace."""
        scale = self._voice.config.length_scale / speed
        sentence = self._say(phonemes, SynthesisConfig(length_scale=scale))
        return Sentence(evened(sentence.samples, self.rate), sentence.ends)

    def _say(self, phonemes: Sequence[str], how: SynthesisConfig) -> Sentence:
        ids = self._voice.phonemes_to_ids(phonemes)
        said, durations = self._voice.phoneme_ids_to_audio(ids, how, include_alignments=True)
        samples = np.atleast_1d(said).astype(np.float32) * np.float32(self.gain)
        fade = min(len(samples) // 2, int(self.rate * FADE_SECONDS))
        if fade:
            ramp = np.linspace(0.0, 1.0, fade, endpoint=False, dtype=np.float32)
            samples[:fade] *= ramp
            samples[-fade:] *= ramp[::-1]
        return Sentence(samples, self._ends(phonemes, durations, len(ids), len(samples)))

    def _ends(self, phonemes: Sequence[str], durations: Any, ids: int, samples: int) -> NDArray[np.int64]:
        known = self._voice.config.phoneme_id_map
        pad = len(known.get(PAD, ()))
        counts = [len(known.get(BOS, ())) + pad]
        counts += [len(known[phoneme]) + pad if phoneme in known else 0 for phoneme in phonemes]
        if durations is None or sum(counts) + len(known.get(EOS, ())) != ids or len(np.atleast_1d(durations)) != ids:
            weights = [1, *(1 if phoneme.isalnum() else PAUSE_WEIGHT for phoneme in phonemes), PAUSE_WEIGHT]
            ends = np.cumsum(weights[:-1]) * samples / sum(weights)
        else:
            ends = np.concatenate([[0], np.cumsum(np.atleast_1d(durations))])[np.cumsum(counts)]
        return np.minimum(ends[1:], samples).astype(np.int64)

    def _measured(self) -> float:
        """The gain that `loudness` gives this voice. Without the model's own dice: the same each time it is loaded."""
        scale = self._voice.config.length_scale * PROBE_PACE
        how = SynthesisConfig(length_scale=scale, noise_scale=0.0, noise_w_scale=0.0)
        sentences = [self._say(phonemes, how).samples for phonemes in self.phonemes(PROBE)]
        return gain(np.concatenate(sentences), self.rate) if sentences else 1.0


def _unstopped(match: re.Match[str]) -> str:
    return match[0][:-1]
