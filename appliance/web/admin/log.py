"""`/v1/admin/logs`: the newest lines of the server's log, as they were logged."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import get
from litestar.params import FromQuery, QueryParameter

from appliance import logs
from appliance.tail import Level
from appliance.web.identity.guard import NEEDS


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line; `at` in seconds since the epoch. `cut`: it was longer than what is kept of it."""

    number: int
    at: float
    level: Level
    logger: str
    event: str
    fields: dict[str, Any]
    cut: bool


class LogList(msgspec.Struct, frozen=True, kw_only=True):
    """Lines in order. Go on with `after=next`; `lost`: lines in between are gone.

    Numbers begin anew with each start of the server, which was at `began_at` (seconds since the epoch).
    """

    data: list[LogLine]
    next: int
    lost: bool
    began_at: float
    object: Literal["list"] = "list"


@get("/v1/admin/logs", opt={NEEDS: "admin"}, summary="The newest lines of the log")
async def list_lines(
    after: Annotated[int | None, QueryParameter(ge=0, le=2**62)] = None,
    level: FromQuery[Level] = "info",
    limit: Annotated[int, QueryParameter(ge=1, le=2_000)] = 200,
) -> LogList:
    """Of this level and graver: the oldest behind the line numbered `after`, or the newest where none is named."""
    found = logs.TAIL.after(after, level, limit)
    return LogList(
        data=[
            LogLine(
                number=line.number, at=round(line.at, 3), level=line.level, logger=line.logger, event=line.event,
                fields=dict(line.fields), cut=line.cut,
            )
            for line in found.lines
        ],
        next=found.after,
        lost=found.lost,
        began_at=round(logs.TAIL.began, 3),
    )  # fmt: skip
