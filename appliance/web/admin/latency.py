"""`/v1/admin/latency`: how long everybody's turns took, along the time. No words are in it."""

from __future__ import annotations

import math
import time
from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from appliance.store.latency import DoorLatency, Percentiles
from appliance.story import Door
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS


class PercentilesBody(msgspec.Struct, frozen=True, kw_only=True):
    """Of `count` turns, in milliseconds; null where there are none."""

    count: int
    p50_ms: float | None
    p95_ms: float | None


class BucketBody(PercentilesBody, frozen=True, kw_only=True):
    """From the user's last voice to the reply's first, of the turns that began from `start` on (seconds since the
    epoch)."""

    start: float


class DoorLatencyBody(msgspec.Struct, frozen=True, kw_only=True):
    """Of one door: voice to voice in each bucket and of all, and until each stage was ready, by mark."""

    data: list[BucketBody]
    whole: PercentilesBody
    marks: dict[str, PercentilesBody]


class LatencyBody(msgspec.Struct, frozen=True, kw_only=True):
    """Turns that are remembered and began from `since` until now. `cut`: of more turns than are looked at the newest,
    from `counted_from` on. Times in seconds since the epoch."""

    since: float
    until: float
    bucket_seconds: float
    turns: int
    cut: bool
    counted_from: float | None
    doors: dict[Door, DoorLatencyBody]
    object: Literal["latency"] = "latency"


@get("/v1/admin/latency", opt={NEEDS: "admin"}, summary="How long everybody's turns took")
async def get_latency(
    box: NamedDependency[Box],
    hours: Annotated[int, QueryParameter(ge=1, le=24 * 366)] = 24,
    buckets: Annotated[int, QueryParameter(ge=1, le=500)] = 48,
) -> LatencyBody:
    """Medians and 95th percentiles by door; the last bucket is not over yet. 20,000 turns at most."""
    width = hours * 3600 / buckets
    # Where a bucket begins does not depend on when it is asked for, so that a curve that is drawn anew keeps its shape.
    since = (math.floor(time.time() / width) + 1 - buckets) * width
    found = await box.turns.latency(since_ms=math.ceil(since * 1000), width_ms=width * 1000, count=buckets)
    return LatencyBody(
        since=since,
        until=since + buckets * width,
        bucket_seconds=width,
        turns=found.turns,
        cut=found.cut,
        counted_from=None if found.oldest_ms is None else found.oldest_ms / 1000,
        doors={door: _door(each, since, width) for door, each in found.doors.items()},
    )


def _door(found: DoorLatency, since: float, width: float) -> DoorLatencyBody:
    return DoorLatencyBody(
        data=[
            BucketBody(start=since + number * width, count=each.count, p50_ms=each.p50, p95_ms=each.p95)
            for number, each in enumerate(found.buckets)
        ],
        whole=_percentiles(found.whole),
        marks={name: _percentiles(each) for name, each in found.marks.items()},
    )


def _percentiles(each: Percentiles) -> PercentilesBody:
    return PercentilesBody(count=each.count, p50_ms=each.p50, p95_ms=each.p95)
