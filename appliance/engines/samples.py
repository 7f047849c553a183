"""Plain audio as models read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from appliance.audio import SAMPLE_BYTES
from appliance.errors import RequestError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FULL_SCALE: Final = 32_768.0


def samples_of(pcm: bytes) -> NDArray[np.float32]:
    """Signed 16-bit little-endian samples between −1 and 1. Raises `audio_empty` unless whole."""
    if not pcm or len(pcm) % SAMPLE_BYTES:
        raise RequestError(
            f"The audio has {len(pcm)} bytes; it has to be whole 16-bit samples.", code="audio_empty", param="audio"
        )
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(FULL_SCALE)
