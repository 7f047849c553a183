"""`/v1/usage`: what was used, by day and key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from appliance.callers.caller import Caller
from appliance.store.database import DAY_MS, now_ms
from appliance.store.usage import Used, day_of
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS

Days = Annotated[int, QueryParameter(ge=1, le=400)]


class UsageBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a key used on a day (UTC). `key_id` is empty for an open box."""

    day: str
    key_id: str
    user: str
    requests: int
    audio_seconds_heard: float
    audio_seconds_spoken: float
    input_tokens: int
    output_tokens: int
    documents: int


class UsageList(msgspec.Struct, frozen=True, kw_only=True):
    """By day and key, newest first."""

    data: list[UsageBody]
    object: Literal["list"] = "list"


@get("/v1/usage", opt={NEEDS: "any"}, summary="What you used")
async def my_usage(box: NamedDependency[Box], caller: NamedDependency[Caller], days: Days = 30) -> UsageList:
    """Of all keys of the caller's user, today and the days before."""
    return _listed(await box.usage.since(_first(days), caller.owner.user))


@get("/v1/admin/usage", opt={NEEDS: "admin"}, summary="What everybody used")
async def all_usage(box: NamedDependency[Box], days: Days = 30) -> UsageList:
    """Of all users, today and the days before."""
    return _listed(await box.usage.since(_first(days)))


def _first(days: int) -> str:
    return day_of(now_ms() - (days - 1) * DAY_MS)


def _listed(used: Sequence[Used]) -> UsageList:
    return UsageList(
        data=[
            UsageBody(
                day=each.day, key_id=each.key, user=each.user, requests=each.amount.requests,
                audio_seconds_heard=each.amount.heard_ms / 1000, audio_seconds_spoken=each.amount.spoken_ms / 1000,
                input_tokens=each.amount.read_tokens, output_tokens=each.amount.written_tokens,
                documents=each.amount.documents,
            )
            for each in used
        ]
    )  # fmt: skip
