"""Lines to paragraphs: which line breaks mean something, and which are only where the paper ended. Pure."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from appliance.knowledge.block import BLOCK_CHARACTERS, Block
from appliance.knowledge.sentences import last_end

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WRAPPED: Final = range(30, 201)
"""Lengths of a paragraph's longest line, in characters, with which its lines may be wrapped ones."""
_LISTED: Final = re.compile(r"\s*(?:[-*+•◦‣▪–—|>#]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s")


def paragraphs(lines: Iterable[str], *, hyphens: bool = False) -> Iterator[Block]:
    """Paragraphs of a plain text, which empty lines separate. `lines` end with \\n, except for pieces of long ones."""
    held: list[str] = []
    length, joined, begun = 0, False, True
    for line in lines:
        if begun and line.isspace():
            if held:
                yield Block(unwrapped("".join(held), hyphens=hyphens).rstrip("\n"), joined=joined)
            held, length, joined = [], 0, False
            continue
        begun = line.endswith("\n")
        held.append(line)
        length += len(line)
        if length > BLOCK_CHARACTERS:
            text = unwrapped("".join(held), hyphens=hyphens)
            cut = last_end(text)
            yield Block(text[:cut], joined=joined)
            held, length, joined = [text[cut:]], len(text) - cut, True
    if "".join(held):
        yield Block(unwrapped("".join(held), hyphens=hyphens).rstrip("\n"), joined=joined)


def unwrapped(text: str, *, hyphens: bool = False) -> str:
    """A paragraph without the line breaks that are only there because its lines were full.

    `hyphens`: words that are divided at a line's end are put together.
    """
    lines = text.split("\n")
    longest = max(map(len, lines))
    if longest not in WRAPPED:
        return text
    parts = [lines[0]]
    for before, line in pairwise(lines):
        if not _wrapped(before, line, longest):
            parts += ("\n", line)
        elif hyphens and before[-2:-1].isalpha() and before.endswith("-") and line[0].islower():
            parts[-1] = parts[-1][:-1]
            parts.append(line)
        else:
            parts += (" ", line.lstrip())
    return "".join(parts)


def _wrapped(before: str, line: str, longest: int) -> bool:
    """Whether the first word of `line` would not have fitted into the line before."""
    words = line.split(maxsplit=1)
    if not words or not before.strip() or _LISTED.match(line):
        return False
    share = 0.5 if words[0][0].islower() else 0.85
    return len(before) + 1 + len(words[0]) > share * longest
