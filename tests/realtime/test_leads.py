"""An assistant as the model of live conversations: from the start, later, and by secret. A real socket."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from doors import simulated_doors
from simulated import World
from test_remembering import Socket
from websockets.sync.client import connect

from appliance.jobs import Generate, Speak, Tool
from appliance.settings import Voice

if TYPE_CHECKING:
    from collections.abc import Iterator

USUAL = Voice().instructions
COOK: dict[str, Any] = {
    "name": "Cook", "instructions": "Speak of food only.", "temperature": 0.1, "top_p": 0.3, "language": "de",
    "tools": [{"type": "function", "function": {"name": "oven"}}], "voice": "eva",
}  # fmt: skip
SECOND = base64.b64encode(np.full(24_000, 2000, dtype="<i2").tobytes()).decode()
PAN: dict[str, Any] = {"type": "function", "name": "pan"}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with simulated_doors(world=world) as address:
        for body in (COOK, {"name": "Singer", "instructions": "Sing.", "temperature": 0.9}):
            httpx.post(f"{address}/v1/assistants", json=body).raise_for_status()
        yield address


@contextmanager
def calling(url: str, query: str = "", secret: str = "") -> Iterator[Socket]:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime{query}"
    with connect(address, open_timeout=20, additional_headers=headers) as connection:
        yield Socket(connection)


def asked(socket: Socket, world: World, **response: Any) -> tuple[str, float, float, list[str], str | None]:
    """What the model is told first, how it is to write, what it may call, and the voice."""
    socket.say("Hello")
    socket.send("response.create", response=response)
    assert socket.until("response.done")["response"]["status"] == "completed"
    job = next(job for job in world.llm.jobs[::-1] if isinstance(job, Generate))
    spoken = next(job for job in world.tts.jobs[::-1] if isinstance(job, Speak))
    first = job.messages[0].content if job.messages[0].role == "system" else ""
    return first, job.sampling.temperature, job.sampling.top_p, [tool.name for tool in job.tools], spoken.voice


def update(socket: Socket, **session: Any) -> dict[str, Any]:
    socket.send("session.update", session={"type": "realtime", **session})
    found: dict[str, Any] = socket.until("session.updated")["session"]
    return found


def test_a_session_is_as_the_assistant_has_it_and_the_client_behind_it(url: str, world: World) -> None:
    with calling(url, "?model=cook") as socket:
        session = socket.until("session.created")["session"]
        assert (session["model"], session["instructions"], session["temperature"]) == ("cook", "", 0.1)
        assert asked(socket, world) == ("Speak of food only.", 0.1, 0.3, ["oven"], "eva")
        update(socket, instructions="Be brief.", tools=[PAN], temperature=0.5, voice="joe")
        both = "Speak of food only.\n\nBe brief."
        assert asked(socket, world) == (both, 0.5, 0.3, ["pan", "oven"], "joe")
        once = asked(socket, world, instructions="In verse.", tool_choice={"type": "function", "name": "oven"})
        assert once[0] == "Speak of food only.\n\nIn verse."
        assert world.llm.jobs[-1].tool_name == "oven"


def test_another_leads_from_an_update_on(url: str, world: World) -> None:
    with calling(url, "?model=gpt-realtime") as socket:
        assert socket.until("session.created")["session"]["instructions"] == USUAL
        assert asked(socket, world) == (USUAL, 0.6, 0.95, [], "joe")
        session = update(socket, model="Cook")
        assert (session["model"], session["instructions"], session["temperature"]) == ("Cook", "", 0.1)
        assert asked(socket, world) == ("Speak of food only.", 0.1, 0.3, ["oven"], "eva")
        update(socket, model="singer", instructions="Softly.")
        assert asked(socket, world) == ("Sing.\n\nSoftly.", 0.9, 0.95, [], "joe")
        socket.send("session.update", session={"type": "realtime", "model": "nobody", "instructions": "Lost."})
        error = socket.until("error")["error"]
        assert (error["code"], error["param"]) == ("model_not_found", "model")
        assert asked(socket, world)[0] == "Sing.\n\nSoftly."
        update(socket, model="default")
        assert asked(socket, world) == ("Softly.", 0.6, 0.95, [], "joe")


def test_its_language_is_listened_to_unless_the_client_says_another(url: str, world: World) -> None:
    for given, language in (({}, "de"), ({"audio": {"input": {"transcription": {"language": "en"}}}}, "en")):
        with calling(url, "?model=Cook") as socket:
            socket.until("session.created")
            update(socket, **given)
            update(socket, turn_detection=None)
            socket.send("input_audio_buffer.append", audio=SECOND)
            socket.send("input_audio_buffer.commit")
            socket.until("conversation.item.done")
            socket.send("response.create")
            socket.until("response.done")
        assert world.stt.jobs[-1].language == language


def test_a_secret_is_made_for_an_assistant(url: str, world: World) -> None:
    def secret(**session: Any) -> httpx.Response:
        return httpx.post(f"{url}/v1/realtime/client_secrets", json={"session": {"type": "realtime", **session}})

    made = secret(model="Cook", instructions="Be brief.").json()
    assert (made["session"]["model"], made["session"]["instructions"]) == ("Cook", "Be brief.")
    assert made["session"]["temperature"] == 0.1
    both = "Speak of food only.\n\nBe brief."
    with calling(url, secret=made["value"]) as socket:
        socket.until("session.created")
        assert asked(socket, world) == (both, 0.1, 0.3, ["oven"], "eva")
    with calling(url, "?model=Singer", secret=made["value"]) as socket:
        socket.until("session.created")
        assert asked(socket, world) == ("Sing.\n\nBe brief.", 0.9, 0.95, [], "joe")
    refused = secret(model="nobody")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")
    found = httpx.get(f"{url}/v1/models/cook").json()["id"]
    (cook,) = [each for each in httpx.get(f"{url}/v1/assistants").json()["data"] if each["name"] == found]
    httpx.delete(f"{url}/v1/assistants/{cook['id']}").raise_for_status()
    with calling(url, secret=made["value"]) as socket:
        assert socket.until("error")["error"]["code"] == "model_not_found"


def test_a_session_keeps_what_its_assistant_was(url: str, world: World) -> None:
    (cook,) = [each for each in httpx.get(f"{url}/v1/assistants").json()["data"] if each["name"] == "Cook"]
    with calling(url, "?model=Cook") as socket:
        socket.until("session.created")
        httpx.delete(f"{url}/v1/assistants/{cook['id']}").raise_for_status()
        update(socket, instructions="Be brief.")
        assert asked(socket, world)[0] == "Speak of food only.\n\nBe brief."
    assert [job.tools for job in world.llm.jobs if isinstance(job, Generate)][-1] == [Tool("oven")]
