"""Silero VAD, version 6, as faster-whisper ships it: how likely a window of a stream is speech.

The model reads each window with the end of the one before, and remembers through an LSTM. All of that is one small
array of bytes between two calls, which travels with the stream: no worker has to remember anybody. One pass takes one
stream's windows, since they go through the LSTM one after another; a pass for several streams is not to be had.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from appliance.engines.faults import ModelUnusable
from appliance.engines.samples import samples_of
from appliance.engines.turn.session import open_session
from appliance.errors import RequestError
from appliance.jobs import DETECT_SAMPLES

CONTEXT: Final = 64
"""Samples of the window before that are read again."""
MEMORY: Final = 128
STATE: Final = 2 * MEMORY + CONTEXT
"""Values of a stream's state: the LSTM's two vectors, and the context."""
STATE_BYTES: Final = STATE * 4
MOST_WINDOWS: Final = 1024
"""Windows of one job (33 s, some 60 ms of work): other streams wait meanwhile."""


class Silero:
    """Owns the model. Raises `ModelUnusable` where there is none."""

    def __init__(self) -> None:
        self._session = open_session(str(_weights()), threads=1)

    def detect(self, state: bytes, pcm: bytes) -> tuple[list[float], bytes]:
        """Probabilities of whole windows of 16-bit samples at `STT_RATE`, and the state after them.

        Raises `RequestError` for a state or an audio of another size.
        """
        if len(state) not in (0, STATE_BYTES):
            raise RequestError(f"The state has {len(state)} bytes; it has none or {STATE_BYTES}.", param="state")
        samples = samples_of(pcm)
        count, rest = divmod(samples.size, DETECT_SAMPLES)
        if rest:
            raise RequestError(
                f"The audio has {samples.size} samples; it has to be whole windows of {DETECT_SAMPLES}.", param="audio"
            )
        if count > MOST_WINDOWS:
            raise RequestError(
                f"The audio has {count} windows; {MOST_WINDOWS} are listened to at once.",
                code="audio_too_long",
                param="audio",
            )
        kept = np.frombuffer(state, dtype="<f4") if state else np.zeros(STATE, dtype=np.float32)
        h, c, context = np.split(kept, (MEMORY, 2 * MEMORY))
        windows = samples.reshape(count, DETECT_SAMPLES)
        before = np.vstack([context, windows[:-1, -CONTEXT:]])
        fed = {"input": np.hstack([before, windows]), "h": h.reshape(1, 1, MEMORY), "c": c.reshape(1, 1, MEMORY)}
        found, h, c = self._session.run(None, fed)
        after = np.concatenate([h.ravel(), c.ravel(), windows[-1, -CONTEXT:]])
        return [float(each) for each in found.ravel()], after.astype("<f4").tobytes()


def _weights() -> Path:
    """Found without importing faster-whisper, which would bring all of CTranslate2 along."""
    library = find_spec("faster_whisper")
    for folder in (library.submodule_search_locations or ()) if library is not None else ():
        path = Path(folder) / "assets" / "silero_vad_v6.onnx"
        if path.is_file():
            return path
    raise ModelUnusable("faster-whisper's Silero VAD is not installed")
