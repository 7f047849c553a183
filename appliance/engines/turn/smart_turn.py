"""Smart Turn v3: whether a speaker who pauses is done, from how the last eight seconds sound.

The model and the form of its input are Daily's (https://github.com/pipecat-ai/smart-turn): Whisper's log-mel features
of 8 s that end at the pause, normalised to zero mean and unit variance, with silence before where there is less.
"""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnxruntime

from appliance.engines.turn.silero import FULL_SCALE, library_file
from appliance.errors import RequestError
from appliance.jobs import STT_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECONDS: Final = 8
SAMPLES: Final = SECONDS * STT_RATE
SMALLEST_VARIANCE: Final = 1e-7


class SmartTurn:
    """Owns the model at `path`."""

    def __init__(self, path: str, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._features = _extractor()

    def judge(self, pcm: bytes) -> float:
        """Probability that the turn is over, from 16-bit samples at `STT_RATE`. Raises `RequestError` for none."""
        samples: NDArray[np.float32] = np.frombuffer(pcm[: len(pcm) & ~1], dtype="<i2").astype(np.float32) / FULL_SCALE
        if samples.size == 0:
            raise RequestError("There is no audio to judge.", param="audio")
        last = samples[-SAMPLES:]
        padded = np.concatenate([np.zeros(SAMPLES - last.size, dtype=np.float32), last])
        even = (padded - padded.mean()) / np.sqrt(padded.var() + SMALLEST_VARIANCE)
        features = self._features(even.astype(np.float32), padding=0)
        (found,) = self._session.run(None, {"input_features": features[None].astype(np.float32)})
        return float(found[0, 0])


def _extractor() -> Any:
    """faster-whisper's own features, from their file alone."""
    spec = spec_from_file_location("appliance_features", library_file("feature_extractor.py"))
    assert spec is not None  # noqa: S101 - the file was found
    assert spec.loader is not None  # noqa: S101
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FeatureExtractor(chunk_length=SECONDS)
