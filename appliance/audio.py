"""Plain audio: mono signed 16-bit little-endian samples, and the WAV container around them."""

from __future__ import annotations

import io
import struct
import wave
from typing import Final

SAMPLE_BYTES: Final = 2

UNKNOWN_LENGTH: Final = 0xFFFFFFFF
"""What a WAV header says when the length is not known yet; players then read to the end."""


def wav_header(rate: int, data_bytes: int = UNKNOWN_LENGTH) -> bytes:
    """Header of a mono 16-bit WAV at `rate` Hz; without `data_bytes` it is one for a stream of unknown length.

    Form: Microsoft's RIFF/WAVE, `fmt ` chunk of 16 bytes, then `data`.
    """
    riff_bytes = UNKNOWN_LENGTH if data_bytes == UNKNOWN_LENGTH else data_bytes + 36
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", riff_bytes, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * SAMPLE_BYTES, SAMPLE_BYTES, 16,
        b"data", data_bytes,
    )  # fmt: skip


def wav(pcm: bytes, rate: int) -> bytes:
    """A whole WAV file around `pcm`."""
    return wav_header(rate, len(pcm)) + pcm


def read_wav(data: bytes) -> tuple[bytes, int]:
    """Samples and rate (Hz) of a mono 16-bit WAV, also of one whose header does not know its length.

    Raises `ValueError` for any other form.
    """
    with wave.open(io.BytesIO(data)) as file:
        if file.getnchannels() != 1 or file.getsampwidth() != SAMPLE_BYTES:
            raise ValueError("not a mono 16-bit WAV")
        return file.readframes(len(data)), file.getframerate()


def seconds(pcm: bytes, rate: int) -> float:
    """How long `pcm` sounds."""
    return len(pcm) / SAMPLE_BYTES / rate
