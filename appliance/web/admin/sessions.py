"""`/v1/admin/sessions`: who speaks with the box now."""

from __future__ import annotations

from typing import Literal

import msgspec
from litestar import delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from appliance.callers.caller import Caller
from appliance.callers.lines import Kind, Speaker
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS

ADMIN = {NEEDS: "admin"}
WORDS: dict[Kind, str] = {"live": "live conversation", "turn": "spoken turn"}


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A live conversation or a spoken turn. `key_id` is empty for an open box; `since`: seconds since the epoch."""

    id: str
    kind: Kind
    user: str
    key_id: str
    address: str
    since: float


class SessionList(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, the longest first; the box has room for `most`."""

    data: list[SessionRow]
    most: int
    object: Literal["list"] = "list"


@get("/v1/admin/sessions", opt=ADMIN, summary="Who speaks now")
async def list_sessions(box: NamedDependency[Box]) -> SessionList:
    """Live conversations and spoken turns that are under way, without what is said in them."""
    return SessionList(data=[_row(each) for each in box.lines.speakers], most=box.lines.most)


@delete("/v1/admin/sessions/{session_id:str}", opt=ADMIN, status_code=200, summary="End a conversation")
async def end_session(
    box: NamedDependency[Box], caller: NamedDependency[Caller], session_id: FromPath[str]
) -> SessionRow:  # fmt: skip
    """Its client is told `session_ended`. The key stays good: who may not come back needs it revoked."""
    ended = box.lines.end(session_id)
    whose = ended.caller.actor
    box.audit.note(caller.actor, f"{WORDS[ended.kind]} ended", whose, caller.address)
    return _row(ended)


def _row(speaker: Speaker) -> SessionRow:
    caller = speaker.caller
    return SessionRow(
        id=speaker.id, kind=speaker.kind, user=caller.owner.user, key_id=caller.key, address=caller.address,
        since=round(speaker.since, 3),
    )  # fmt: skip
