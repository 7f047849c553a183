"""A voice's model with the durations of its phonemes as an output of the graph.

A Piper voice computes how long each phoneme lasts and keeps it to itself: the rounded-up durations are the output of
the graph's only `Ceil`. An ONNX file is a protobuf message, and such a message followed by another is both of them
merged. So a few bytes behind the file, a model with nothing but one graph output, are enough; the `onnx` package would
parse and write 60 MB instead.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; the encoding:
https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import mmap
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Buffer = bytes | mmap.mmap

MODEL_GRAPH: Final = 7
GRAPH_NODE: Final = 1
GRAPH_OUTPUT: Final = 12
NODE_OUTPUT: Final = 2
NODE_OPERATOR: Final = 4
VALUE_NAME: Final = 1


@contextmanager
def with_durations(path: Path) -> Iterator[str]:
    """Path of the same model with one more output: as many numbers as phonemes, each a duration in hops.

    It stands in memory, as long as the block lasts: onnxruntime copies what it reads. A model whose durations cannot be
    told is left as it is.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
        names = ceilings(data)
        if len(names) != 1:
            yield str(path)
            return
        copy = os.memfd_create(path.name)
        try:
            left = len(data)
            while left and (sent := os.sendfile(copy, file.fileno(), None, left)):
                left -= sent
            os.write(copy, output(names.pop()))
            yield f"/proc/self/fd/{copy}"
        finally:
            os.close(copy)


def ceilings(model: Buffer) -> set[bytes]:
    """Names of what the `Ceil` nodes of a serialised model put out; none if it is no such model."""
    names: set[bytes] = set()
    try:
        for graph in _inside(model, 0, len(model), MODEL_GRAPH):
            for node in _inside(model, *graph, GRAPH_NODE):
                operators = [model[start:end] for start, end in _inside(model, *node, NODE_OPERATOR)]
                if operators == [b"Ceil"]:
                    names |= {bytes(model[start:end]) for start, end in _inside(model, *node, NODE_OUTPUT)}
    except (IndexError, ValueError):
        return set()
    return names


def output(name: bytes) -> bytes:
    """A serialised model that has nothing but a graph with the output `name`."""
    return _field(MODEL_GRAPH, _field(GRAPH_OUTPUT, _field(VALUE_NAME, name)))


def _inside(data: Buffer, at: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    """Where the values of the length-delimited field `number` are in the message `data[at:end]`."""
    while at < end:
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                _, at = _varint(data, at)
            case 1:
                at += 8
            case 5:
                at += 4
            case 2:
                length, at = _varint(data, at)
                if key >> 3 == number:
                    yield at, at + length
                at += length
            case _:
                raise ValueError("not a protobuf message")


def _varint(data: Buffer, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _field(number: int, value: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(value)) + value


def _number(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])
