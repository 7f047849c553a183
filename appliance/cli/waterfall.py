"""A turn's stages as a picture in the terminal: when each one was ready, from the user's last voice on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STAGES: Final = (
    ("paused", "pause noticed"),
    ("understood", "words understood"),
    ("transcript", "words understood"),
    ("first_token", "first token"),
    ("first_clause", "first clause"),
    ("first_audio", "first audio"),
    ("over", "turn over"),
    ("sent", "audio sent"),
)
WIDTH: Final = 40
LABEL: Final = 17
MOST_JOBS: Final = 24
"""That are shown one by one."""


def waterfall(timings: Mapping[str, float]) -> list[str]:
    """Lines of the picture. Each stage's bar begins where what it needed was ready."""
    longest = max((timings[name] for name, _ in STAGES if name in timings), default=0) or 1
    lines, before = [], 0.0
    for name, label in STAGES:
        if name not in timings:
            continue
        at = timings[name]
        start = 0.0 if name in ("paused", "over") else min(before, at)
        lines.append(_line(label, [(start, at, "█")], at, longest))
        before = max(before, at)
    return lines


def jobs(done: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of a turn's jobs as `/v1/turns/{id}/timings` has them: how long each waited (░) and was worked on (█)."""
    shown = done[:MOST_JOBS]
    longest = max((job["ended_ms"] for job in shown), default=0) or 1
    lines = []
    for job in shown:
        sent, ended = job["sent_ms"], job["ended_ms"]
        began = job["began_ms"]
        if began is None:  # it came from a cache, or nobody ever took it in hand
            bars = [(sent, ended, "█" if job["outcome"] == "cached" else "░")]
        else:
            bars = [(sent, began, "░"), (began, ended, "█")]
        line = _line(f"{job['stage']} {job['job']}", bars, ended, longest)
        lines.append(line if job["outcome"] == "done" else f"{line}  {job['outcome']}")
    if len(done) > len(shown):
        lines.append(f"  … and {len(done) - len(shown)} more")
    return lines


def _line(label: str, bars: Sequence[tuple[float, float, str]], at: float, longest: float) -> str:
    """The last bar is always to be seen; others only where they are long enough."""
    picture, end = "", 0
    for number, (start, stop, mark) in enumerate(bars):
        begin = max(end, round(max(0.0, start) / longest * WIDTH))
        last = number == len(bars) - 1
        end = max(round(max(0.0, stop) / longest * WIDTH), begin + last)
        picture += " " * (begin - len(picture)) + mark * (end - begin)
    return f"  {label:<{LABEL}}{picture:<{WIDTH + 1}}{at:6.0f} ms"
