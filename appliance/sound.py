"""Audio as live clients send and take it, to and from the rates that the engines work in.

The resamplers keep their state between two pieces, so that nothing clicks where they meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import soxr

from appliance import g711
from appliance.audio import SAMPLE_BYTES
from appliance.jobs import SPEECH_RATE, STT_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

SoundFormat = Literal["pcm", "pcm16k", "pcmu", "pcma"]
"""Mono: 16-bit little-endian samples at 24 kHz or at `STT_RATE`, or G.711 at 8 kHz."""

RATES: Final[dict[SoundFormat, int]] = {"pcm": 24_000, "pcm16k": STT_RATE, "pcmu": g711.RATE, "pcma": g711.RATE}
LAWS: Final[dict[SoundFormat, g711.Law]] = {"pcmu": "mu", "pcma": "a"}


def seconds(data: bytes, form: SoundFormat) -> float:
    """How long `data` sounds."""
    return len(data) / (1 if form in LAWS else SAMPLE_BYTES) / RATES[form]


class SoundIn:
    """From a client's format to mono 16-bit samples at `STT_RATE`."""

    def __init__(self, form: SoundFormat) -> None:
        self.form: SoundFormat = form
        self._odd = b""
        # The better qualities hold samples back for 30 ms; speech is recognised as well after this one.
        self._resampler: Any = None
        if RATES[form] != STT_RATE:
            self._resampler = soxr.ResampleStream(RATES[form], STT_RATE, 1, dtype="int16", quality="LQ")

    def feed(self, data: bytes, *, last: bool = False) -> bytes:
        """Samples that are ready; with `last` all that are left. Half a sample at the end waits for its other half."""
        samples: NDArray[np.int16]
        if self.form in LAWS:
            samples = g711.decode(data, LAWS[self.form])
        else:
            data = self._odd + data
            whole = len(data) - len(data) % SAMPLE_BYTES
            data, self._odd = data[:whole], data[whole:]
            if self._resampler is None:
                return data
            samples = np.frombuffer(data, dtype="<i2").astype(np.int16)
        return bytes(self._resampler.resample_chunk(samples, last=last).astype("<i2").tobytes())


class SoundOut:
    """From mono 16-bit samples at `rate` Hz to a client's format."""

    def __init__(self, form: SoundFormat, rate: int = SPEECH_RATE) -> None:
        self.form: SoundFormat = form
        self._resampler: Any = None
        if RATES[form] != rate:
            self._resampler = soxr.ResampleStream(rate, RATES[form], 1, dtype="int16")

    def feed(self, pcm: bytes, *, last: bool = False) -> bytes:
        """Encoded bytes that are ready; with `last` all that is left."""
        if self._resampler is None:
            return pcm
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.int16)
        fitted: NDArray[np.int16] = self._resampler.resample_chunk(samples, last=last)
        return g711.encode(fitted, LAWS[self.form]) if self.form in LAWS else fitted.astype("<i2").tobytes()
