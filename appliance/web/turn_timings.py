"""`/v1/turns`: how long each stage of a turn took, to be drawn as a waterfall. No words are in it."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from appliance.callers.caller import Caller
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS
from appliance.web.wire_turn_timings import TurnList, TurnTimingsBody, timings_body, turn_body

HISTORY = {NEEDS: "history"}


@get("/v1/turns", opt=HISTORY, summary="Turns, and how long they took")
async def list_turns(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    after: FromQuery[str | None] = None,
) -> TurnList:
    """Spoken and live turns that are remembered, the newest first."""
    kept, more = await box.turns.page(caller.owner, after=after, limit=limit)
    data = [turn_body(each) for each in kept]
    ends = (data[0].id, data[-1].id) if data else (None, None)
    return TurnList(data=data, first_id=ends[0], last_id=ends[1], has_more=more)


@get("/v1/turns/{turn_id:str}/timings", opt=HISTORY, summary="A turn's stages")
async def get_timings(
    box: NamedDependency[Box], caller: NamedDependency[Caller], turn_id: FromPath[str]
) -> TurnTimingsBody:
    """When each stage was ready, each job sent, begun, answered and over; by `x-turn-id` or a live response's id."""
    return timings_body(await box.turns.get(caller.owner, turn_id))
