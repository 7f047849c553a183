"""What a page asks for beyond OpenAI's protocol: words' times, whether anybody is there, the line's other end."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from doors import simulated_doors
from scripted import furnished
from simulated import World
from test_identity import appliance, bearer
from test_remembering import Socket, calling
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from appliance.callers.caller import Caller
from appliance.callers.lines import Lines
from appliance.callers.names import Names
from appliance.errors import Forbidden
from appliance.store.owners import LOCAL
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def url(world: World, tmp_path: Path) -> Iterator[str]:
    with simulated_doors(world=world, folder=tmp_path) as address:
        yield address


def test_a_ping_is_answered_with_its_own_id(url: str) -> None:
    with calling(url) as socket:
        socket.send("appliance.ping", event_id="ping_7")
        assert socket.until("appliance.pong")["ping"] == "ping_7"


def test_each_word_comes_with_its_time_before_its_audio(url: str, world: World) -> None:
    world.replies = ["A spoken answer."]
    with calling(url, more="&captions=1") as socket:
        socket.ask("Hello")
    kinds = [event["type"] for event in socket.events]
    told = socket.all("appliance.output_audio.words")
    assert "".join(word["text"] for word in told[-1]["words"]) == "A spoken answer."
    assert {each["clause"] for each in told} == {0}
    assert all(later["words"][: len(before["words"])] == before["words"] for before, later in pairwise(told))
    times = [(word["start_ms"], word["end_ms"]) for word in told[-1]["words"]]
    assert times[0][0] == 0
    assert all(start < end for start, end in times)
    assert kinds.index("appliance.output_audio.words") < kinds.index("response.output_audio.delta")


def test_who_did_not_ask_gets_no_events_of_our_own(url: str, world: World) -> None:
    world.replies = ["A spoken answer."]
    with calling(url) as socket:
        socket.ask("Hello")
    assert not [event for event in socket.events if event["type"].startswith("appliance.")]


def test_who_takes_over_finds_what_the_lost_line_was_saying_written_down(url: str, world: World) -> None:
    world.replies = ["One long answer that goes on and on for many more words than anybody has time to hear."]
    with calling(url) as lost:
        lost.say("Hello")
        lost.send("response.create")
        for _ in range(12):  # a word counts once most of it was heard
            lost.until("response.output_audio.delta")
        with calling(url, more="&takeover=1") as found:
            found.send("session.update", session={"type": "realtime"})
            found.until("session.updated")
            told = [event["item"] for event in found.all("conversation.item.added")]
            assert [(item["role"], item["status"]) for item in told] == [
                ("user", "completed"), ("assistant", "incomplete"),
            ]  # fmt: skip
            assert lost.until("error")["error"]["code"] == "session_moved"
            with pytest.raises(ConnectionClosed) as closed:
                lost.until("nothing")
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "session_moved")
            world.replies = ["Here again."]
            assert found.ask("And now?")["status"] == "completed"


def test_a_conversation_that_is_deleted_while_it_is_held_does_not_come_back(url: str, world: World) -> None:
    world.replies = ["One long answer that goes on and on for many more words than anybody has time to hear."]
    with calling(url) as deleted, calling(url, "cellar") as other:
        deleted.say("Hello")
        deleted.send("response.create")
        for _ in range(12):
            deleted.until("response.output_audio.delta")
        assert httpx.delete(f"{url}/v1/conversations/kitchen").status_code == 200
        error = deleted.until("error")["error"]
        assert (error["code"], error["message"]) == ("session_ended", "The conversation was deleted.")
        with pytest.raises(ConnectionClosed) as closed:
            deleted.until("nothing")
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "session_ended")
        world.replies = ["Still here."]
        assert other.ask("Are you there?")["status"] == "completed"
    assert [each["id"] for each in httpx.get(f"{url}/v1/conversations").json()["data"]] == ["cellar"]


def test_one_that_got_its_id_from_the_box_does_not_come_back_either(url: str) -> None:
    with connect(f"{url.replace('http', 'ws', 1)}/v1/realtime?model=default", open_timeout=20) as connection:
        held = Socket(connection)
        conversation = held.until("conversation.created")["conversation"]["id"]
        held.say("Hello")
        assert httpx.delete(f"{url}/v1/conversations/{conversation}").status_code == 200
        assert held.until("error")["error"]["code"] == "session_ended"
    assert httpx.get(f"{url}/v1/conversations").json()["data"] == []


def test_other_conversations_and_who_does_not_ask_leave_a_line_alone(url: str, world: World) -> None:
    with (
        calling(url) as first,
        calling(url) as second,
        calling(url, "cellar", more="&takeover=1") as third,
    ):
        for each in (first, second, third):
            world.replies = ["Still here."]
            assert each.ask("Are you there?")["status"] == "completed"


def test_a_line_that_began_a_conversation_is_taken_over_by_the_name_that_its_client_was_told(url: str) -> None:
    with connect(f"{url.replace('http', 'ws', 1)}/v1/realtime?model=default", open_timeout=20) as connection:
        lost = Socket(connection)
        name = lost.until("conversation.created")["conversation"]["id"]
        with calling(url, name, more="&takeover=1") as found:
            assert lost.until("error")["error"]["code"] == "session_moved"
            found.send("appliance.ping", event_id="here")
            found.until("appliance.pong")


def test_who_cannot_be_served_takes_nothing_over(url: str) -> None:
    with calling(url) as first:
        address = f"{url.replace('http', 'ws', 1)}/v1/realtime?model=nowhere&conversation=kitchen&takeover=1"
        with connect(address, open_timeout=20) as connection:
            assert Socket(connection).until("error")["error"]["param"] == "model"
        first.send("appliance.ping", event_id="here")
        first.until("appliance.pong")


def test_the_lost_line_leaves_its_place_to_the_one_that_takes_over(world: World) -> None:
    with (
        simulated_doors(1, world) as url,
        calling(url) as lost,
        calling(url, more="&takeover=1") as found,
    ):
        assert lost.until("error")["error"]["code"] == "session_moved"
        found.send("appliance.ping", event_id="here")
        found.until("appliance.pong")


def test_another_users_conversation_of_the_same_name_is_left_alone(world: World, tmp_path: Path) -> None:
    given: dict[str, dict[str, Any]] = {"http": {"open": False}, "store": {"dir": str(tmp_path)}}
    stages, names = Stages(world.stt, world.llm, world.tts, world.turn), Names("ears", "brain", {"joe": "mouth"})
    with furnished(given, stages, names) as url:
        made = ("keys", "create", "--state-dir", str(tmp_path))
        anna, ben = appliance(*made, "anna"), appliance(*made, "ben")
        address = f"{url.replace('http', 'ws', 1)}/v1/realtime?model=default&conversation=kitchen&takeover=1"
        with (
            connect(address, additional_headers=bearer(anna), open_timeout=20) as hers,
            connect(address, additional_headers=bearer(ben), open_timeout=20) as his,
        ):
            for each in (Socket(his), Socket(hers)):
                each.until("conversation.created")
                each.send("appliance.ping", event_id="here")
                each.until("appliance.pong")


async def test_of_several_that_take_over_at_once_the_last_stays() -> None:
    lines, go, ends = Lines(1), anyio.Event(), dict[str, str]()
    caller = Caller(LOCAL, frozenset())

    async def speak(name: str) -> None:
        try:
            with lines.take(caller, "live", "kitchen", takes_over=True) as speaker:
                await lines.take_over(speaker)
                ends[name] = "came in"
                try:
                    await anyio.sleep_forever()
                finally:
                    with anyio.CancelScope(shield=True):  # as one whose stages take a while to let go
                        await go.wait()
        except Forbidden as error:
            ends[name] = error.code

    async with anyio.create_task_group() as tasks:
        for name in ("lost", "early", "late"):
            tasks.start_soon(speak, name)
            await anyio.wait_all_tasks_blocked()
        assert ends == {"lost": "came in", "early": "session_moved"}
        go.set()
        await anyio.wait_all_tasks_blocked()
        assert ends == {"lost": "session_moved", "early": "session_moved", "late": "came in"}
        assert len(lines.speakers) == 1
        tasks.cancel_scope.cancel()
