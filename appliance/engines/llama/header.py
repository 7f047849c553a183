"""The header of a GGUF file: its values and the sizes of its tensors, without reading a tensor."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from llama_cpp._ggml import libggml

from appliance.engines.faults import ModelUnusable
from appliance.engines.llama.hearing import complaints

MAGIC: Final = b"GGUF"

STRING: Final = 8
ARRAY: Final = 9
NUMBERS: Final[dict[int, Any]] = {
    0: ctypes.c_uint8,
    1: ctypes.c_int8,
    2: ctypes.c_uint16,
    3: ctypes.c_int16,
    4: ctypes.c_uint32,
    5: ctypes.c_int32,
    6: ctypes.c_float,
    7: ctypes.c_bool,
    10: ctypes.c_uint64,
    11: ctypes.c_int64,
    12: ctypes.c_double,
}
"""`gguf_type` to what lies in memory."""

Value = int | float | bool | str | list[Any]


class _How(ctypes.Structure):
    """`gguf_init_params`."""

    _fields_ = (("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p))


def _function(name: str, result: Any, *arguments: Any) -> Any:
    return ctypes.CFUNCTYPE(result, *arguments)((name, libggml))


_P, _I, _N = ctypes.c_void_p, ctypes.c_int64, ctypes.c_size_t
_open = _function("gguf_init_from_file", _P, ctypes.c_char_p, _How)
_close = _function("gguf_free", None, _P)
_data_offset = _function("gguf_get_data_offset", _N, _P)
_count = _function("gguf_get_n_kv", _I, _P)
_key = _function("gguf_get_key", ctypes.c_char_p, _P, _I)
_type = _function("gguf_get_kv_type", ctypes.c_int, _P, _I)
_string = _function("gguf_get_val_str", ctypes.c_char_p, _P, _I)
_number = _function("gguf_get_val_data", _P, _P, _I)
_array_type = _function("gguf_get_arr_type", ctypes.c_int, _P, _I)
_array_size = _function("gguf_get_arr_n", _N, _P, _I)
_array = _function("gguf_get_arr_data", _P, _P, _I)
_tensors = _function("gguf_get_n_tensors", _I, _P)
_tensor_name = _function("gguf_get_tensor_name", ctypes.c_char_p, _P, _I)
_tensor_offset = _function("gguf_get_tensor_offset", _N, _P, _I)
_tensor_size = _function("gguf_get_tensor_size", _N, _P, _I)


@dataclass(frozen=True, slots=True)
class Header:
    """`values` without those of the tokenizer; `tensors` from name to bytes."""

    values: dict[str, Value]
    tensors: dict[str, int]

    def integer(self, key: str, default: int = 0) -> int:
        """A value as a whole number; of a list the largest."""
        value = self.values.get(key, default)
        if isinstance(value, list):
            return int(max(value, default=default))
        return default if isinstance(value, str) else int(value)

    def integers(self, key: str, count: int, default: int = 0) -> list[int]:
        """A value for each of `count` layers, whether the file has one for all or a list."""
        value = self.values.get(key, default)
        if isinstance(value, list) and len(value) >= count:
            return [int(each) for each in value[:count]]
        return [self.integer(key, default)] * count


def read(path: Path) -> Header:
    """The header of one file. Raises `ModelUnusable` if it is none, or if tensors are missing at its end."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise ModelUnusable(f"{path.name} cannot be read: {error.strerror}") from error
    if magic != MAGIC:
        raise ModelUnusable(f"{path.name} is not a GGUF file")
    with complaints() as said:
        handle = _open(os.fsencode(path), _How(no_alloc=True, ctx=None))
    if not handle:
        raise ModelUnusable(f"{path.name} is damaged or cut off in its header: {said.first}")
    try:
        values = {
            name: _value(handle, at)
            for at in range(_count(handle))
            if not (name := _name(handle, at)).startswith("tokenizer.")
        }
        numbers = range(_tensors(handle))
        tensors = {_tensor_name(handle, at).decode(errors="replace"): _tensor_size(handle, at) for at in numbers}
        ends = [_tensor_offset(handle, at) + _tensor_size(handle, at) for at in numbers]
        whole = _data_offset(handle) + max(ends, default=0)
    finally:
        _close(handle)
    if whole > size:
        raise ModelUnusable(f"{path.name} is cut off: {size} of {whole} bytes are there; fetch it again")
    return Header(values, tensors)


def _name(handle: int, at: int) -> str:
    name: bytes = _key(handle, at)
    return name.decode(errors="replace")


def _value(handle: int, at: int) -> Value:
    kind = _type(handle, at)
    if kind == STRING:
        text: bytes = _string(handle, at)
        return text.decode(errors="replace")
    if kind == ARRAY:
        number = NUMBERS.get(_array_type(handle, at))
        if number is None or not (size := _array_size(handle, at)):
            return []
        return list((number * size).from_address(_array(handle, at)))
    value: int | float | bool = NUMBERS[kind].from_address(_number(handle, at)).value
    return value
