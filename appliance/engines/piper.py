"""Speaking: Piper, with each of its voices loaded at first use. A job is a text; its parts are stretches of audio.

piper-tts is licensed under the GPL. It is imported here only, in a process of its own behind a socket.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnxruntime
import soxr
from piper import PiperConfig, PiperVoice, SynthesisConfig

from appliance.dialogue.clauses import split
from appliance.dialogue.spoken_text import speakable
from appliance.engines.interleave import Interleaved
from appliance.errors import NotFound, RequestError
from appliance.jobs import SPEECH_RATE, Audio, Speak

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.engines.interleave import Progress
    from appliance.engines.specs import Piper
    from appliance.jobs import AnyJob

WIDTH: Final = 4
"""Texts spoken in turns, a clause of each, so that nobody waits for the end of another's."""

PART_SAMPLES: Final = SPEECH_RATE // 2
"""Longest part: what a slow client has to take at once."""


def load(spec: Piper) -> Interleaved:
    """Load the default voice; the first job warms it."""
    return Interleaved(Speaker(spec).begin, WIDTH)


class Speaker:
    """Owns the voices."""

    def __init__(self, spec: Piper) -> None:
        self._spec = spec
        self._paths = {voice.voice: voice.path for voice in spec.voices}
        self._default = spec.voices[0].voice
        self._voices: dict[str, Any] = {}
        self._voice(self._default)

    def _voice(self, name: str) -> Any:
        if name not in self._paths:
            raise NotFound(
                f"There is no voice {name!r}; there are {', '.join(self._paths)}.",
                code="voice_not_found",
                param="voice",
            )
        if name not in self._voices:
            self._voices[name] = _load_voice(Path(self._paths[name]), self._spec)
        return self._voices[name]

    def begin(self, job: AnyJob, _payload: bytes) -> Iterator[Progress]:
        """Parts of one text, clause by clause."""
        assert isinstance(job, Speak)  # noqa: S101 - the host sends each job to its own engine
        voice = self._voice(job.voice or self._default)
        texts = [text for text in map(speakable, split(job.text) if job.split else [job.text]) if text]
        if not texts:
            raise RequestError("There is nothing to say in the text.", code="text_empty", param="input")
        config = SynthesisConfig(length_scale=voice.config.length_scale / job.speed)
        for text in texts:
            # One resampler a clause: a clause begins and ends in silence, so nothing clicks where two meet.
            resampler = soxr.ResampleStream(voice.config.sample_rate, SPEECH_RATE, 1, dtype="int16")
            for chunk in voice.synthesize(text, syn_config=config):
                yield from _parts(resampler.resample_chunk(chunk.audio_int16_array))
            yield from _parts(resampler.resample_chunk(np.empty(0, dtype=np.int16), last=True))
            yield None


def _parts(samples: Any) -> Iterator[Progress]:
    for start in range(0, len(samples), PART_SAMPLES):
        part = samples[start : start + PART_SAMPLES]
        yield Audio(samples=len(part)), part.astype("<i2").tobytes()


def _load_voice(path: Path, spec: Piper) -> Any:
    config = json.loads(path.with_name(path.name + ".json").read_text(encoding="utf-8"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = spec.threads or min(4, os.cpu_count() or 1)
    # Piper's own loader lets idle threads spin, which costs the other engines their cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = ["CUDAExecutionProvider"] if spec.cuda else ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(str(path), sess_options=options, providers=providers)
    return PiperVoice(config=PiperConfig.from_dict(config), session=session)
