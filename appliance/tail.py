"""The newest lines of this process's log, kept in memory as what they are made of.

What is kept is what was logged, and no more: an exception of a library's by type and place alone. A line that is long
is cut, so that so many lines cost so much memory and never more.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Level = Literal["debug", "info", "warning", "error", "critical"]
NUMBERS: Final[Mapping[Level, int]] = {level: 10 * (place + 1) for place, level in enumerate(get_args(Level))}
"""As the standard library has them."""
MOST_LINES: Final = 2_000
MOST_CHARACTERS: Final = 4_000
"""Of one line's fields, names and values."""
TEXT_CHARACTERS: Final = 1_000
"""Of its event, and of each field."""
NAME_CHARACTERS: Final = 64
EXACT: Final = 2**53
"""Larger numbers are no numbers to whoever reads JSON in a browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line. `at`: seconds since the epoch; `cut`: there was more of it."""

    number: int
    at: float
    level: Level
    logger: str
    event: str
    fields: Mapping[str, Any]
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Lines one after another. `after`: the number behind which to go on; `lost`: lines before them are gone."""

    lines: Sequence[Line]
    after: int
    lost: bool


class Tail:
    """Of one process. Any thread may log."""

    def __init__(self, most: int = MOST_LINES) -> None:
        self.began = time.time()
        """Seconds since the epoch: numbers begin anew with each process."""
        self._lines: deque[Line] = deque(maxlen=most)
        self._number = 0
        self._lock = threading.Lock()

    def add(self, *, at: float, level: int, logger: str, event: object, fields: Mapping[str, Any]) -> None:
        """One more; the oldest goes."""
        said = _text(event)
        kept, room, cut = {}, MOST_CHARACTERS, len(said) > TEXT_CHARACTERS
        for name, value in fields.items():
            key, (plain, characters, whole) = _text(name)[:NAME_CHARACTERS], _plain(value)
            room -= len(key) + characters
            if room < 0:
                cut = True
                break
            kept[key] = plain
            cut = cut or not whole
        with self._lock:
            self._number += 1
            self._lines.append(
                Line(
                    number=self._number, at=at, level=level_of(level), logger=_text(logger)[:NAME_CHARACTERS],
                    event=said[:TEXT_CHARACTERS], fields=kept, cut=cut,
                )
            )  # fmt: skip

    def after(self, number: int | None, least: Level, limit: int) -> Stretch:
        """At most `limit` lines of this level or a graver one: the oldest behind `number`, or the newest for None."""
        with self._lock:
            lines, last = list(self._lines), self._number
        newest, lost = number is None, False
        if number is not None:
            if number > last:  # of an earlier process
                number, lost = 0, True
            lines = [line for line in lines if line.number > number]
            lost = lost or last - number > len(lines)
        grave = [line for line in lines if NUMBERS[line.level] >= NUMBERS[least]]
        if newest or len(grave) <= limit:
            return Stretch(lines=grave[-limit:], after=last, lost=lost)
        return Stretch(lines=grave[:limit], after=grave[limit - 1].number, lost=lost)


def level_of(number: int) -> Level:
    """The gravest level that such a line reaches."""
    return max((level for level in NUMBERS if number >= NUMBERS[level]), key=NUMBERS.__getitem__, default="debug")


def _plain(value: object) -> tuple[Any, int, bool]:
    """As JSON has it, how many characters it takes there, and whether that is all of it."""
    if value is None or isinstance(value, bool):
        return value, 5, True
    if isinstance(value, int | float) and abs(value) < EXACT:  # which no infinity is, nor what is no number
        return value, 20, True
    if isinstance(value, list | tuple | dict):
        try:
            text = _text(json.dumps(value, default=repr, ensure_ascii=False))
            if len(text) <= TEXT_CHARACTERS:
                return json.loads(text, parse_int=_whole, parse_constant=str), len(text), True
        except (TypeError, ValueError, RecursionError):
            text = type(value).__name__
    else:
        text = _text(value)
    return text[:TEXT_CHARACTERS], min(len(text), TEXT_CHARACTERS), len(text) <= TEXT_CHARACTERS


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) < len(str(EXACT)) else digits


def _text(value: object) -> str:
    """Its text, and of a long one a little more than is kept; half characters are no text."""
    return str(value)[: TEXT_CHARACTERS + 1].encode(errors="replace").decode()
