"""JSON and JSON lines: values become lines of "path.to.key: value".

An element of the outermost array is a record, and each line of JSON lines is one; so each is a block of its own. What
lies outside of arrays goes together with the other values of its object. Nothing but one record is in memory.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import ijson

from appliance.knowledge.block import BLOCK_CHARACTERS, Block
from appliance.knowledge.charsets import encoding_of, texts
from appliance.knowledge.faults import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

DEPTH: Final = 100
KEY: Final = 100
PATH: Final = 300
"""Characters of a key and of a path that are said with each value; of a longer one, the first and the last."""
LIST: Final = 1000
"""Characters of values of one array that are said in one line."""

BITS: Final = 10_000
HUGE: Final = "The JSON has a number with thousands of digits."


def blocks(file: BinaryIO, *, lines: bool = False) -> Iterator[Block]:
    """A block a record, or group of values; with `lines`, each value by itself is a record.

    Raises `document_unreadable`.
    """
    sys.set_int_max_str_digits(0)  # ijson's parser breaks down where Python refuses a long number
    encoding = encoding_of(file)
    file.seek(0)
    source = file if encoding == "utf-8" else _Recoded(texts(file, encoding))
    record = _Record(0 if lines else None)
    try:
        for event, value in ijson.basic_parse(source, multiple_values=True, buf_size=1 << 18):
            yield from record.feed(event, value)
    except ijson.JSONError as error:
        raise unreadable("The file is not JSON, or it ends too early.") from error
    except ArithmeticError as error:
        raise unreadable(HUGE) from error
    yield from record.take()


class _Recoded:
    """A text as a file in UTF-8."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces, self._rest = pieces, b""

    def read(self, count: int) -> bytes:
        """The next bytes, `count` at most; none at the end."""
        while len(self._rest) < count and (piece := next(self._pieces, None)) is not None:
            self._rest += piece.encode()
        data, self._rest = self._rest[:count], self._rest[count:]
        return data


class _Record:
    def __init__(self, depth: int | None) -> None:
        self._path: list[str | None] = []
        """Keys of the objects and arrays that are open; None for an array's elements."""
        self._depth = depth
        """How deep records are: outside of all, or in the outermost array that is open, if one is."""
        self._lines: list[str] = []
        self._length = 0
        self._values: list[str] = []
        """Of the innermost array, if it is not the outermost one and has only plain values so far."""

    def feed(self, event: str, value: Any) -> Iterator[Block]:
        match event:
            case "map_key":
                self._path[-1] = value if len(value) <= KEY else f"{value[:KEY]}…"
            case "start_map" | "start_array":
                self._say_list()
                if len(self._path) == DEPTH:
                    raise unreadable(f"The JSON is nested more than {DEPTH} deep.")
                if self._depth is None:
                    yield from self.take()
                    if event == "start_array":
                        self._depth = len(self._path) + 1
                self._path.append(None)
            case "end_map" | "end_array":
                self._say_list()
                self._path.pop()
                if self._depth is None or len(self._path) <= self._depth:
                    yield from self.take()
                if self._depth is not None and len(self._path) < self._depth:
                    self._depth = None
            case "null":
                pass
            case _:
                yield from self._value(value)

    def _value(self, value: Any) -> Iterator[Block]:
        if isinstance(value, int) and value.bit_length() > BITS:
            raise unreadable(HUGE)
        text = str(value).lower() if isinstance(value, bool) else str(value).strip()
        depth = len(self._path)
        in_list = bool(self._path) and self._path[-1] is None
        if not text:
            return
        if in_list and depth != self._depth and len(text) <= LIST:
            self._values.append(text)
            if sum(map(len, self._values)) > LIST:
                self._say_list()
        else:
            self._say(text)
        if depth == self._depth:
            yield from self.take()
        while self._length > BLOCK_CHARACTERS:
            yield from self.take()

    def _say_list(self) -> None:
        if self._values:
            self._say(", ".join(self._values))
            self._values = []

    def _say(self, text: str) -> None:
        path = ".".join(key for key in self._path if key)
        if len(path) > PATH:
            path = f"…{path[-PATH:]}"
        self._lines.append(f"{path}: {text}" if path else text)
        self._length += len(self._lines[-1])

    def take(self) -> Iterator[Block]:
        """What has been said so far."""
        if self._lines:
            yield Block("\n".join(self._lines), kind="row")
        self._lines, self._length = [], 0
