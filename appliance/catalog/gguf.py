"""The format of llama.cpp's model files, version 3, as far as it is written here: a head, then each tensor's data.

Written by hand because the digest of what is written is pinned: a library's next version may well write other bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Value = bool | int | float | str | list[int] | list[str]
"""An `int` is written as 32 bits without a sign, in a list with one; a `float` has 32 bits; no list is empty."""

ALIGNMENT: Final = 32
BLOCK: Final = 32
"""Numbers of a row that share a scale in Q8_0."""

_U32, _I32, _F32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_KINDS: Final = {"f32": 0, "q8_0": 8}


@dataclass(frozen=True, slots=True)
class Tensor:
    """`shape` as numpy has it, rows first."""

    name: str
    shape: tuple[int, ...]
    kind: Literal["f32", "q8_0"]

    @property
    def size(self) -> int:
        """Bytes of its data, without what fills them up."""
        numbers = prod(self.shape)
        return 4 * numbers if self.kind == "f32" else numbers // BLOCK * (2 + BLOCK)

    def data(self, numbers: NDArray[np.float32]) -> bytes:
        """Its data as it stands in the file, filled up to where the next one begins."""
        written = numbers.astype("<f4").tobytes() if self.kind == "f32" else _q8_0(numbers)
        return written + bytes(-len(written) % ALIGNMENT)


def head(values: Mapping[str, Value], tensors: Sequence[Tensor]) -> bytes:
    """All that stands before the data of `tensors`, which follows in their order."""
    said = [struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(values))]
    said += [_string(key) + _value(value) for key, value in values.items()]
    offset = 0
    for each in tensors:
        turned = each.shape[::-1]
        said.append(_string(each.name) + struct.pack(f"<I{len(turned)}Q", len(turned), *turned))
        said.append(struct.pack("<IQ", _KINDS[each.kind], offset))
        offset += each.size + -each.size % ALIGNMENT
    whole = b"".join(said)
    return whole + bytes(-len(whole) % ALIGNMENT)


def _value(value: Value) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", _BOOL, value)
        case int():
            return struct.pack("<II", _U32, value)
        case float():
            return struct.pack("<If", _F32, value)
        case str():
            return struct.pack("<I", _STRING) + _string(value)
        case _:
            kind = _STRING if isinstance(value[0], str) else _I32
            items = [_string(each) if isinstance(each, str) else struct.pack("<i", each) for each in value]
            return struct.pack("<IIQ", _ARRAY, kind, len(value)) + b"".join(items)


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _q8_0(numbers: NDArray[np.float32]) -> bytes:
    """Blocks of a scale in 16 bits and whole numbers from -127 to 127 that it multiplies.

    Each step is rounded as IEEE 754 says, so every machine writes the same bytes.
    """
    blocks = numbers.astype(np.float32).reshape(-1, BLOCK)
    scales = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    whole = np.rint(blocks / np.where(scales == 0, np.float32(1), scales)).astype(np.int8)
    return np.hstack([scales.astype("<f2").view(np.int8), whole]).tobytes()
