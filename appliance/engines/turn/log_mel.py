"""Whisper's log-mel features: what a stretch of sound looks like to models that grew from its encoder.

The steps and the scale of mels are those of OpenAI's Whisper (https://github.com/openai/whisper, `audio.py`, whose
filters are librosa's in Slaney's form).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from appliance.jobs import STT_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME: Final = 400
"""Samples that are looked at together: 25 ms."""
HOP: Final = 160
"""Samples from one frame to the next: 10 ms."""
BINS: Final = FRAME // 2 + 1
MELS: Final = 80
QUIETEST: Final = 1e-10
RANGE: Final = 8.0
"""Powers of ten below the loudest place that still count."""

LINEAR_HZ: Final = 1_000.0
"""Up to here mels are even in Hz, from here on in its logarithm."""
LINEAR_MELS: Final = 15.0
HZ_PER_MEL: Final = LINEAR_HZ / LINEAR_MELS
LOG_STEP: Final = np.log(6.4) / 27.0
NYQUIST_MELS: Final = LINEAR_MELS + np.log(STT_RATE / 2 / LINEAR_HZ) / LOG_STEP

BLOCK: Final = 16
"""Frames multiplied at once: too few for BLAS to spread over threads, whose waiting for each other costs five times
the work itself on a box that is busy."""


class LogMel:
    """Features of sounds at `STT_RATE`."""

    def __init__(self) -> None:
        self._window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
        self._filters = _filters().astype(np.float32)

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """`MELS` rows, a column each 10 ms. Whole blocks only: a multiple of `BLOCK` times `HOP` samples."""
        frames = samples.size // HOP
        around = np.pad(samples, FRAME // 2, mode="reflect")
        spectrum = np.fft.rfft(sliding_window_view(around, FRAME)[::HOP][:frames] * self._window)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        mels = (power.reshape(-1, BLOCK, BINS) @ self._filters).reshape(frames, MELS)
        loudness = np.log10(np.maximum(mels, QUIETEST))
        scaled = (np.maximum(loudness, loudness.max() - RANGE) + 4.0) / 4.0
        return np.ascontiguousarray(scaled.T, dtype=np.float32)


def _filters() -> NDArray[np.float64]:
    """Triangles over the bins of a spectrum, of equal area: (`BINS`, `MELS`)."""
    mels = np.linspace(0.0, NYQUIST_MELS, MELS + 2)
    edges = np.where(
        mels < LINEAR_MELS,
        mels * HZ_PER_MEL,
        LINEAR_HZ * np.exp(LOG_STEP * (np.maximum(mels, LINEAR_MELS) - LINEAR_MELS)),
    )
    hertz = np.linspace(0.0, STT_RATE / 2, BINS)[:, None]
    low, peak, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (hertz - low) / (peak - low), (high - hertz) / (high - peak)
    filters: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (high - low)
    return filters
