"""A response that is cancelled as its draft ends, without models and in virtual time."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest
from room import Room, visit

from appliance.voice.live import events as e
from appliance.voice.live.conduct import Style
from appliance.voice.live.telling import Telling
from appliance.voice.responding import Manner


@pytest.mark.parametrize("spoken", [True, False])
@pytest.mark.parametrize("later", range(3))
def test_a_response_cancelled_in_the_moment_its_draft_ends(
    monkeypatch: pytest.MonkeyPatch, later: int, spoken: bool
) -> None:
    """The end of the draft has woken whoever reads it; before they run, or as they do, it is cancelled."""

    async def scene(room: Room) -> None:
        made = anyio.Event()
        monkeypatch.setattr(Telling, "succeeded", lambda _telling: made.set())  # the draft ends without another wait
        room.world.replies = ["Yes."]
        room.session.respond(Style(manner=Manner(spoken=spoken)), joins=True, given=None, metadata=None)
        await made.wait()
        for _ in range(later):
            await anyio.lowlevel.checkpoint()
        room.session.cancel(None)
        await room.pause(0.1)

    room = visit(scene)
    assert room.all(e.Fault) == []
    (done,) = room.all(e.ResponseDone)
    assert done.response.outcome == "cancelled"
    assert done.response.error is None
