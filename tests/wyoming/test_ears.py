"""Audio in any form becomes what the box listens to."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.wyoming.ears import Ears
from appliance.wyoming.wire import AudioStart

SECOND = np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
"""A tone at 48 kHz."""


def coded(samples: np.ndarray, width: int) -> bytes:
    if width == 1:
        return bytes((samples * 127 + 128).round().astype(np.uint8))
    whole = (samples * (2 ** (8 * width - 1) - 1)).round().astype(np.int64)
    return b"".join(int(each).to_bytes(width, "little", signed=True) for each in whole)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_a_tone_stays_a_tone(rate: int, width: int, channels: int) -> None:
    samples = 0.5 * SECOND[:: 48_000 // rate]
    audio = coded(np.repeat(samples, channels), width)
    ears = Ears(AudioStart(rate=rate, width=width, channels=channels))
    heard = b"".join(ears.hear(audio[at : at + 1001]) for at in range(0, len(audio), 1001))  # never whole frames
    found = np.frombuffer(heard, dtype="<i2") / 32_768
    assert 15_000 < found.size <= 16_000
    spectrum = np.abs(np.fft.rfft(found[1000:9000]))
    assert int(spectrum.argmax()) == 220  # 440 Hz, in steps of 2
    assert np.abs(found[1000:9000]).max() == pytest.approx(0.5, abs=0.02)
    assert ears.seconds(audio) == pytest.approx(1.0)


def test_the_loudest_stays_the_loudest() -> None:
    ears = Ears(AudioStart(rate=16_000, width=4, channels=1))
    loud = np.array([2**31 - 1, -(2**31)], dtype="<i4").tobytes()
    assert np.frombuffer(ears.hear(loud), dtype="<i2").tolist() == [32_767, -32_768]
