"""A turn's stages as a picture in the terminal: when each one was ready, from the user's last voice on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

STAGES: Final = (
    ("paused", "pause noticed"),
    ("understood", "words understood"),
    ("first_token", "first token"),
    ("first_clause", "first clause"),
    ("first_audio", "first audio"),
    ("over", "turn over"),
    ("sent", "audio sent"),
)
WIDTH: Final = 40


def waterfall(timings: Mapping[str, float]) -> list[str]:
    """Lines of the picture. Each stage's bar begins where what it needed was ready."""
    longest = max(timings.values(), default=0) or 1
    lines, before = [], 0.0
    for name, label in STAGES:
        if name not in timings:
            continue
        at = timings[name]
        start = 0.0 if name in ("paused", "over") else min(before, at)
        begin, end = (
            round(start / longest * WIDTH),
            max(round(at / longest * WIDTH), round(start / longest * WIDTH) + 1),
        )
        lines.append(f"  {label:<17}{' ' * begin}{'█' * (end - begin)}{' ' * (WIDTH + 1 - end)}{at:6.0f} ms")
        before = max(before, at)
    return lines
