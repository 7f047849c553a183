"""What a clip sounds like."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
import numpy as np
import soxr

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPUS_RATE = 48_000


def samples(ogg: bytes) -> NDArray[np.float32]:
    """At 48 kHz, −1 to 1."""
    with av.open(io.BytesIO(ogg), "r") as container:
        stream = container.streams.audio[0]
        assert (container.format.name, stream.codec_context.name, stream.layout.name) == ("ogg", "opus", "mono")
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])


def likeness(ogg: bytes, pcm: bytes, rate: int) -> float:
    """The correlation of a clip with the beginning of mono 16-bit samples, wherever in 20 ms its filters put it."""
    said = soxr.resample(np.frombuffer(pcm, dtype="<i2").astype(np.float32), rate, OPUS_RATE)
    clip = samples(ogg)
    size = min(said.size, clip.size) - 2000
    return max(float(np.corrcoef(clip[1000 : 1000 + size], said[lag : lag + size])[0, 1]) for lag in range(0, 2000, 8))
