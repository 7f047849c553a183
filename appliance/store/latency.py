"""How long turns took, of all users together: by door, along the time and by stage. No words, no names, no ids.

Stories are read newest first until they are older than what is asked for; they are kept in the order in which turns
end, which is not quite that in which they begin.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, get_args

import msgspec

from appliance.story import Door, Story

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlite_utils import Database as Tables

MOST_TURNS: Final = 20_000
"""That are looked at, the newest."""
LONGEST_MS: Final = 3_600_000
"""By more than this no turn is kept before another that began earlier."""
_told: Final = msgspec.json.Decoder(tuple[int, Door, dict[str, float]]).decode


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of so many turns, in milliseconds; None of none."""

    count: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLatency:
    """Of one door: voice to voice along the time and of all, and until each stage was ready."""

    buckets: Sequence[Percentiles]
    whole: Percentiles
    marks: Mapping[str, Percentiles]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Of all turns that began in the window and are remembered. `cut`: there are more than were looked at."""

    turns: int
    cut: bool
    oldest_ms: int | None
    """When the oldest that was looked at began, in milliseconds since the epoch."""
    doors: Mapping[Door, DoorLatency]


@dataclass(slots=True)
class _Taken:
    """What the turns of a door took, in milliseconds."""

    buckets: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    marks: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def latency(tables: Tables, *, since_ms: int, width_ms: float, count: int, most: int = MOST_TURNS) -> Latency:
    """Of `count` stretches of `width_ms` each, from `since_ms` (since the epoch) on."""
    taken: dict[Door, _Taken] = {door: _Taken() for door in get_args(Door)}
    turns, oldest, cut = 0, None, False
    for number, story in enumerate(_newest(tables, most + 1)):
        if story.zero_ms < since_ms - LONGEST_MS:
            break
        if number == most:
            cut = True
            break
        bucket = math.floor((story.zero_ms - since_ms) / width_ms)
        if not 0 <= bucket < count:
            continue
        turns += 1
        oldest = story.zero_ms if oldest is None else min(oldest, story.zero_ms)
        mine = taken[story.door]
        if story.voice_to_voice is not None:
            mine.buckets[bucket].append(story.voice_to_voice)
        for name, at in story.marks.items():
            mine.marks[name].append(at)
    return Latency(
        turns=turns, cut=cut, oldest_ms=oldest, doors={door: _told_of(each, count) for door, each in taken.items()}
    )  # fmt: skip


def _newest(tables: Tables, limit: int) -> Iterator[Story]:
    """Without their jobs, which are most of a story: SQLite takes the rest out of it, and holds nobody up meanwhile."""
    rows = tables.execute(
        "SELECT json_extract(story, '$.zero_ms', '$.door', '$.marks') FROM turns ORDER BY number DESC LIMIT ?", [limit]
    )
    for (told,) in rows:
        zero, door, marks = _told(told)
        yield Story(id="", door=door, outcome="completed", zero_ms=zero, marks=marks)


def _told_of(taken: _Taken, count: int) -> DoorLatency:
    return DoorLatency(
        buckets=[percentiles(taken.buckets.get(each, ())) for each in range(count)],
        whole=percentiles([took for bucket in taken.buckets.values() for took in bucket]),
        marks={name: percentiles(each) for name, each in taken.marks.items()},
    )


def percentiles(took: Sequence[float]) -> Percentiles:
    """Each is one of the values: the smallest that so many per cent of them are not above."""
    if not took:
        return Percentiles(0, None, None)
    ordered = sorted(took)
    return Percentiles(len(ordered), *(ordered[math.ceil(len(ordered) * share / 100) - 1] for share in (50, 95)))
