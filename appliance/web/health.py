"""Health and figures, for whoever watches the box."""

from __future__ import annotations

from typing import Literal

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from appliance import __version__
from appliance.web.box import Box
from appliance.web.described import json_of
from appliance.web.identity.guard import NEEDS
from appliance.web.scrape import CONTENT_TYPE
from appliance.web.self_tests import SelfTest, SelfTestReport


class Live(msgspec.Struct, frozen=True):
    """The process answers; `dead` once it can remember nothing more."""

    version: str
    status: Literal["live", "dead"]


class StageBody(msgspec.Struct, frozen=True):
    """One stage."""

    state: Literal["starting", "ready", "down"]
    model: str
    detail: str
    restarts: int
    in_flight: int


class Ready(msgspec.Struct, frozen=True):
    """`ready` once every stage has answered a real request, while none is down, and while the box speaks well.

    It does not if the last two spoken self-tests have failed.
    """

    status: Literal["ready", "not_ready"]
    stages: dict[str, StageBody]
    spoken: SelfTest | None
    """The last spoken self-test that was reported; null if there was none since the start."""


def readiness(box: Box) -> Ready:
    """Of the box now."""
    stages = {
        role: StageBody(status.state, status.model, status.detail, status.restarts, status.in_flight)
        for role, status in box.health().items()
    }
    whole = all(stage.state == "ready" for stage in stages.values()) and not box.spoken.failing
    return Ready("ready" if whole else "not_ready", stages, box.spoken.last)


@get("/health/live", opt={NEEDS: "open"}, summary="Liveness")
async def live(box: NamedDependency[Box]) -> Response[Live]:
    """200 while the process answers and can remember; otherwise 503, and it had better be started again."""
    status: Literal["live", "dead"] = "live" if box.database.alive else "dead"
    return Response(Live(__version__, status), status_code=200 if status == "live" else 503)


@get("/health/ready", opt={NEEDS: "open"}, summary="Readiness, for each stage", responses={503: json_of(Ready)})
async def ready(box: NamedDependency[Box]) -> Response[Ready]:
    """200 while all stages are ready and spoken self-tests succeed, otherwise 503 with what is missing."""
    body = readiness(box)
    return Response(body, status_code=200 if body.status == "ready" else 503)


@post("/health/spoken", opt={NEEDS: "metrics"}, status_code=200, summary="Report a spoken self-test")
async def spoken(box: NamedDependency[Box], data: JSONBody[SelfTestReport]) -> SelfTest:
    """Whoever speaks to the box to test it says here how it went; `appliance probe` does."""
    return box.spoken.note(data)


@get("/metrics", opt={NEEDS: "metrics"}, summary="Figures for Prometheus", media_type="text/plain")
async def figures(box: NamedDependency[Box]) -> Response[bytes]:
    """All metrics in Prometheus' text format."""
    return Response(await box.scrape.page(), media_type=CONTENT_TYPE)
