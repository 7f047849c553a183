"""How much of what was to be heard was heard wrongly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def words(text: str) -> list[str]:
    """Its words in lower case, without punctuation."""
    return [word.replace("’", "'") for word in WORD.findall(text.casefold())]


def errors(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Words that have to be changed, inserted or left out: Levenshtein's distance over words, row by row."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(wanted, 1):
        above, row = row, [number]
        for place, other in enumerate(heard):
            row.append(min(above[place] + (word != other), above[place + 1] + 1, row[place] + 1))
    return row[-1]


def error_rate(wanted: Sequence[str], heard: Sequence[str]) -> float:
    """Word error rate: `errors` for each word that was wanted. It may be above 1. Raises `ValueError` without one."""
    if not wanted:
        raise ValueError("there is no word to be heard")
    return errors(wanted, heard) / len(wanted)
