"""Audio of live clients, to and from the rates of the engines."""

from __future__ import annotations

import numpy as np
import pytest

from appliance import g711
from appliance.sound import SoundFormat, SoundIn, SoundOut, seconds


def tone(rate: int, duration: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return (8000 * np.sin(2 * np.pi * 440 * np.arange(int(rate * duration)) / rate)).astype(np.int16)


# Values of ITU-T G.711, tables 1a to 2b: code and sample.
@pytest.mark.parametrize(
    ("law", "code", "sample"),
    [("mu", 0x80, 32124), ("mu", 0x00, -32124), ("mu", 0xFF, 0), ("mu", 0xF0, 120),
     ("a", 0xAA, 32256), ("a", 0x2A, -32256), ("a", 0xD5, 8), ("a", 0x55, -8)],
)  # fmt: skip
def test_codes_of_the_standard(law: g711.Law, code: int, sample: int) -> None:
    assert g711.decode(bytes([code]), law)[0] == sample


@pytest.mark.parametrize("law", ["mu", "a"])
def test_every_sample_gets_the_nearest_code(law: g711.Law) -> None:
    samples = np.arange(-32_768, 32_768, dtype=np.int32).astype(np.int16)
    levels = np.unique(g711.decode(bytes(range(256)), law)).astype(np.int32)
    back = g711.decode(g711.encode(samples, law), law).astype(np.int32)
    nearest = np.abs(levels[None, :] - samples.astype(np.int32)[::97, None]).min(axis=1)
    assert (np.abs(back - samples)[::97] == nearest).all()


@pytest.mark.parametrize("form", ["pcm", "pcmu", "pcma"])
def test_there_and_back(form: SoundFormat) -> None:
    out = SoundOut(form)
    pcm = tone(24_000).astype("<i2").tobytes()
    sent = b"".join(out.feed(pcm[start : start + 999 * 2]) for start in range(0, len(pcm), 999 * 2))
    sent += out.feed(b"", last=True)
    assert seconds(sent, form) == pytest.approx(1.0, abs=0.01)
    heard = SoundIn(form)
    back = b"".join(heard.feed(sent[start : start + 333]) for start in range(0, len(sent), 333))
    samples = np.frombuffer(back, dtype="<i2").astype(float)[2000:14_000]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    assert np.argmax(spectrum) * 16_000 / samples.size == pytest.approx(440, abs=3)
    assert np.abs(samples).max() == pytest.approx(8000, rel=0.1)


def test_pieces_do_not_click() -> None:
    pcm = tone(24_000).astype("<i2").tobytes()
    whole, pieces = SoundIn("pcm"), SoundIn("pcm")
    at_once = whole.feed(pcm)
    in_pieces = b"".join(pieces.feed(pcm[start : start + 101]) for start in range(0, len(pcm), 101))
    one, other = (np.frombuffer(each, dtype="<i2").astype(int) for each in (at_once, in_pieces))
    shorter = min(one.size, other.size)
    assert np.abs(one[:shorter] - other[:shorter]).max() <= 2  # the resampler rounds with noise
    assert one.size - shorter < 1000
