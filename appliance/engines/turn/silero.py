"""Silero VAD, version 6, as faster-whisper ships it: how likely a window of a stream is speech.

The model reads each window with the end of the one before, and remembers through an LSTM. All of that is one small
array of bytes between two calls, which travels with the stream: no worker has to remember anybody.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import onnxruntime

from appliance.errors import RequestError
from appliance.jobs import DETECT_SAMPLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTEXT: Final = 64
"""Samples of the window before that are read again."""
MEMORY: Final = 128
STATE: Final = 2 * MEMORY + CONTEXT
"""Values of a stream's state: the LSTM's two vectors, and the context."""
STATE_BYTES: Final = STATE * 4
FULL_SCALE: Final = 32_768.0


def library_file(name: str) -> Path:
    """A file of faster-whisper's, found without importing it: it would bring all of CTranslate2 along."""
    spec = find_spec("faster_whisper")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("faster_whisper is not installed")
    return Path(spec.submodule_search_locations[0]) / name


class Silero:
    """Owns the model."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = library_file("assets/silero_vad_v6.onnx")
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def detect(self, state: bytes, pcm: bytes) -> tuple[list[float], bytes]:
        """Probabilities of whole windows of 16-bit samples at `STT_RATE`, and the state after them.

        Raises `RequestError` for a state or an audio of another size.
        """
        if len(state) not in (0, STATE_BYTES):
            raise RequestError(f"The state has {len(state)} bytes; it has none or {STATE_BYTES}.", param="state")
        samples: NDArray[np.float32] = np.frombuffer(pcm[: len(pcm) & ~1], dtype="<i2").astype(np.float32) / FULL_SCALE
        if samples.size == 0 or samples.size % DETECT_SAMPLES or len(pcm) % 2:
            raise RequestError(
                f"The audio has {len(pcm)} bytes; it has to be whole windows of {DETECT_SAMPLES} samples.",
                param="audio",
            )
        kept = np.frombuffer(state, dtype="<f4") if state else np.zeros(STATE, dtype=np.float32)
        h, c, context = np.split(kept, (MEMORY, 2 * MEMORY))
        windows = samples.reshape(-1, DETECT_SAMPLES)
        before = np.vstack([context, windows[:-1, -CONTEXT:]])
        fed = {"input": np.hstack([before, windows]), "h": h.reshape(1, 1, -1), "c": c.reshape(1, 1, -1)}
        found, h, c = self._session.run(None, fed)
        after = np.concatenate([h.ravel(), c.ravel(), windows[-1, -CONTEXT:]])
        return [float(each) for each in found.ravel()], after.astype("<f4").tobytes()
