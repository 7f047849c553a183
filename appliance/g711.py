"""Telephone audio: 8 kHz, one byte a sample, μ-law or A-law (ITU-T G.711)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Law = Literal["mu", "a"]

RATE: Final = 8_000
"""Hz."""

MU_BIAS: Final = 0x84


def decode(data: bytes, law: Law) -> NDArray[np.int16]:
    """Bytes to 16-bit samples at `RATE`."""
    return _decoding(law)[np.frombuffer(data, dtype=np.uint8)]


def encode(samples: NDArray[np.int16], law: Law) -> bytes:
    """16-bit samples at `RATE` to bytes."""
    return _encoding(law)[samples.astype(np.int32) + 32_768].tobytes()


@cache
def _decoding(law: Law) -> NDArray[np.int16]:
    """The sample of each byte: sign, three bits of exponent, four of mantissa."""
    code = np.arange(256, dtype=np.int32) ^ (0xFF if law == "mu" else 0x55)
    exponent, mantissa = (code >> 4) & 7, code & 15
    if law == "mu":
        size = (((mantissa << 3) + MU_BIAS) << exponent) - MU_BIAS
        return np.where(code & 0x80, -size, size).astype(np.int16)
    size = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.int16)


@cache
def _encoding(law: Law) -> NDArray[np.uint8]:
    """The byte whose sample is nearest, for each 16-bit sample from the lowest on."""
    levels = _decoding(law).astype(np.int32)
    order = np.argsort(levels, kind="stable")
    borders = (levels[order][1:] + levels[order][:-1]) / 2
    return order[np.searchsorted(borders, np.arange(-32_768, 32_768))].astype(np.uint8)
