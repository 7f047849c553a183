"""Where sentences end, and where to cut a text that has no such place. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from appliance.dialogue.abbreviations import abbreviated

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLOSE: Final = r"""["'”’»›)\]}*_`~」』】）》〉]*+"""
_STOPS: Final = ".!?…؟۔።။"
_WIDE: Final = "。｡！？।॥"
"""Stops that need no space behind them."""
_END: Final = re.compile(
    rf"""
    [\n{_STOPS}{_WIDE}]  # one set at first, since such a pattern is searched for several times as fast
    (?: (?<=\n)
      | (?<=[{_STOPS}]) (?<![{_STOPS}]{{2}}) [{_STOPS}]*+ {_CLOSE} (?=\s)
      | (?<=[{_WIDE}]) [{_WIDE}]*+ {_CLOSE} )
    """,
    re.VERBOSE,
)
_SPACE: Final = re.compile(r"\s+")
_BEFORE: Final = 40
"""Characters before a full stop that may be an abbreviation."""
_AFTER: Final = 8


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Ranges of the sentences and lines of a text, in order, without the white space around them."""
    start = 0
    for end in _ends(text):
        yield from bare(text, start, end)
        start = end
    yield from bare(text, start, len(text))


def last_end(text: str) -> int:
    """Where a text that goes on is best cut: where its last sentence or else word ends, or at its own end.

    Only its second half is looked at, so that little is left behind.
    """
    half = len(text) // 2
    found = [half + end for end in _ends(text[half:])]
    if not found:
        found = [half + space.end() for space in _SPACE.finditer(text[half:])]
    return found[-1] if found else len(text)


def forced(text: str, start: int, end: int) -> int:
    """Where to cut `text[start:]` before `end`: behind a space of the second half, or elsewhere but at no accent."""
    spaces = [space.end() for space in _SPACE.finditer(text, start + (end - start) // 2, end)]
    if spaces:
        return spaces[-1]
    cut = end
    while cut > start + 1 and unicodedata.category(text[cut])[0] == "M":
        cut -= 1
    return cut if cut > start + 1 else end


def bare(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A range without the white space at its ends; nothing if there is nothing else."""
    part = text[start:end]
    stripped = part.strip()
    if stripped:
        start += len(part) - len(part.lstrip())
        yield start, start + len(stripped)


def _ends(text: str) -> Iterator[int]:
    for mark in _END.finditer(text):
        at, end = mark.span()
        stop = mark[0]
        if stop == "\n" or not abbreviated(text[max(0, at - _BEFORE) : at], stop, text[end : end + _AFTER]):
            yield end
