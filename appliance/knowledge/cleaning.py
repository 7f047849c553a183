"""Characters that no passage should have. Pure."""

from __future__ import annotations

import re
from typing import Final

_ODD: Final = re.compile("[^\t\n -~\xa1-\xac\xae-\u1fff\u2010-\u2027\u2030-\ud7ff\uf900-\ufaff\ufe10-\ufefe]")
_RUNS: Final = re.compile(r"[ \t\n][ \t\n]{2,}")
_LEADERS: Final = re.compile(r"\.(?: ?\.){4,}")
"""Dots from a title to its page number."""
INDENT: Final = 8
"""Spaces that a gap may have."""
_LIGATURES: Final = dict(zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True))
_NOTHING: Final = (*range(9), *range(14, 32), *range(127, 160), 0xAD, 0x200B, 0x2060, 0xFEFF, *range(0xD800, 0xE000))
"""Control characters, soft hyphens, spaces of no width, halves of pairs."""
_TABLE: Final[dict[int, str | None]] = {
    **dict.fromkeys(_NOTHING),
    **dict.fromkeys((0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029), "\n"),
    **dict.fromkeys((0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " "),
    **_LIGATURES,
}


def clean(text: str) -> str:
    """The text without control characters and halves of pairs, and without long gaps and rows of dots.

    Ligatures become letters, and every space a plain one.
    """
    if _ODD.search(text):
        text = text.translate(_TABLE)
    return _LEADERS.sub("…", _RUNS.sub(_gap, text))


def _gap(match: re.Match[str]) -> str:
    lines = [spaces[:INDENT] for spaces in match[0].split("\n")]
    return "\n\n" + lines[-1] if len(lines) > 3 else "\n".join(lines)
