"""Where the words of a text end in the phonemes of it.

The phonemes of a text do not come word by word: "of the" is said as one word, "1,000" as two, and "e.g." differently
alone. So the phonemes of the words, each said alone, are laid beside those of the whole at the least cost (Needleman
and Wunsch, https://doi.org/10.1016/0022-2836(70)90057-4), and a word ends where its last phoneme lies.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP: Final = 2
OTHER: Final = 3
"""Cost of one phoneme in the place of another: less than to leave out both."""
SPACE_FOR_SOUND: Final = 6
MOST_CELLS: Final = 2_000_000
"""Above, words get a share after their length: a second's work. A clause has 60,000 at most."""
LEAST_ALIKE: Final = 0.3
"""Share of the phonemes that have to be found for the rest to be believed."""
COLOURS: Final = frozenset("\u02c8\u02cc\u02d0\u02d1\u02b0\u02b2\u02b7\u02e0\u02e4\u0303\u0306\u030a\u031a\u0329\u032f")
"""Stress, length and the like: they belong to a sound and are none."""


def word_ends(whole: Sequence[str], alone: Sequence[Sequence[str]]) -> list[int]:
    """How many of the phonemes in `whole` are said when each word is over; `alone` has each word's own.

    Ends do not fall, and the last one is behind the last sound; punctuation and spaces behind a word are not its own.
    """
    places = [place for place, phoneme in enumerate(whole) if _counts(phoneme)]
    while places and whole[places[-1]] == " ":
        places.pop()
    if not places or not alone:
        return [0] * len(alone)
    said = [whole[place] for place in places]
    words: list[str] = []
    borders = []
    for word in alone:
        words += [" "] * bool(words)
        words += [phoneme for phoneme in word if _counts(phoneme)]
        borders.append(len(words))
    found = _beside(said, words)
    if found is None:
        found = [round(number * len(said) / (len(words) or 1)) for number in range(len(words) + 1)]
    found[-1] = len(said)
    return [_end(whole, places, found[border]) for border in borders]


def _end(whole: Sequence[str], places: Sequence[int], count: int) -> int:
    """Where the `count`-th of the places ends, with what only colours it (length, accents), without a space."""
    while count and whole[places[count - 1]] == " ":
        count -= 1
    if not count:
        return 0
    end = places[count - 1] + 1
    while end < len(whole) and whole[end] in COLOURS:
        end += 1
    return end


def _beside(said: Sequence[str], words: Sequence[str]) -> list[int] | None:
    """For each number of phonemes of `words`, how many of `said` lie before; None if they are too long or unlike."""
    width = len(words) + 1
    if width * (len(said) + 1) > MOST_CELLS:
        return None
    above = [GAP * column for column in range(width)]
    steps = [bytearray(b"\x01" * width)]  # 0: both, 1: one of `words` alone, 2: one of `said` alone
    for sound in said:
        costs = [above[0] + GAP]
        step = bytearray(b"\x02")
        for column, word in enumerate(words):
            both = above[column] + _cost(sound, word)
            left, up = costs[column] + GAP, above[column + 1] + GAP
            best = min(both, left, up)
            costs.append(best)
            step.append(0 if best == both else 1 if best == left else 2)
        above = costs
        steps.append(step)
    found = [0] * width
    row, column, alike = len(said), len(words), 0
    found[column] = row
    while row or column:
        step_taken = steps[row][column] if row else 1
        if step_taken != 1:
            row -= 1
        if step_taken != 2:
            column -= 1
            found[column] = row
        alike += step_taken == 0 and said[row] == words[column]
    return found if alike >= LEAST_ALIKE * len(said) else None


def _cost(sound: str, word: str) -> int:
    if sound == word:
        return 0
    return SPACE_FOR_SOUND if " " in (sound, word) else OTHER


def _counts(phoneme: str) -> bool:
    """Whether it is a sound of its own, or a space: no stress, length, accent or punctuation."""
    return phoneme == " " or (phoneme not in COLOURS and unicodedata.category(phoneme[0])[0] in "LNM")
