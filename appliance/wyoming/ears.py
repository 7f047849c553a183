"""Audio as Wyoming clients send it, in any rate, width and number of channels, to what the box listens to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import soxr

from appliance.jobs import STT_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from appliance.wyoming.wire import Form

FULL_SCALE: Final = 32_768.0


class Ears:
    """One stream of audio: `form` as its events say."""

    def __init__(self, form: Form) -> None:
        self._form = (form.rate, form.width, form.channels)
        self._frame = form.width * form.channels
        self._odd = b""
        self._resampler: Any = None
        if form.rate != STT_RATE:
            self._resampler = soxr.ResampleStream(form.rate, STT_RATE, 1, dtype="float32", quality="LQ")

    def fitting(self, form: Form) -> Ears:
        """These, or others where audio in that form is another stream."""
        return self if self._form == (form.rate, form.width, form.channels) else Ears(form)

    def seconds(self, audio: bytes) -> float:
        """How long it sounds."""
        return len(audio) / self._frame / self._form[0]

    def hear(self, audio: bytes) -> bytes:
        """Mono 16-bit samples at `STT_RATE`. Half a frame at the end waits for its other half."""
        rate, width, channels = self._form
        audio = self._odd + audio
        whole = len(audio) - len(audio) % self._frame
        audio, self._odd = audio[:whole], audio[whole:]
        if (rate, width, channels) == (STT_RATE, 2, 1):
            return audio
        samples = _samples(audio, width)
        if channels > 1:
            samples = samples.reshape(-1, channels).mean(axis=1, dtype=np.float32)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        return bytes((samples * FULL_SCALE).round().clip(-FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes())


def _samples(audio: bytes, width: int) -> NDArray[np.float32]:
    """Samples of so many bytes as numbers from -1 to 1; a WAV file's bytes have no sign, wider ones have."""
    if width == 1:
        return ((np.frombuffer(audio, dtype=np.uint8).astype(np.float32) - 128) / 128).astype(np.float32)
    if width == 3:
        wide = np.zeros((len(audio) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(audio, dtype=np.uint8).reshape(-1, 3)
        return (wide.view("<i4").reshape(-1) / 2147483648.0).astype(np.float32)
    whole = np.frombuffer(audio, dtype="<i2" if width == 2 else "<i4")
    return (whole / (FULL_SCALE if width == 2 else 2147483648.0)).astype(np.float32)
