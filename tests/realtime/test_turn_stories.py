"""The stories of live turns, by their responses' ids. A real socket, simulated stages."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from doors import simulated_doors
from simulated import World
from test_remembering import Socket, calling

from appliance.errors import InternalError, StorageFailed
from appliance.store.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.store.writing import Writing

TONE = np.full(24_000, 2000, dtype="<i2").tobytes()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def url(world: World, tmp_path: Path) -> Iterator[str]:
    with simulated_doors(world=world, folder=tmp_path) as address:
        yield address


SEMANTIC = {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}


def speak(socket: Socket) -> None:
    for piece in (TONE, bytes(48_000), bytes(144_000)):
        socket.send("input_audio_buffer.append", audio=base64.b64encode(piece).decode())


def story(url: str, response: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{url}/v1/turns/{response['id']}/timings").raise_for_status().json()
    return told


def test_a_live_turn_has_its_marks_and_its_jobs_when_it_is_done(url: str, world: World) -> None:
    world.replies = ["A spoken answer."]
    with calling(url) as socket:
        socket.send("session.update", session=SEMANTIC)
        speak(socket)
        told = story(url, socket.until("response.done")["response"])
    assert (told["door"], told["outcome"], told["conversation"]) == ("realtime", "completed", "kitchen")
    marks = told["marks"]
    assert 0 < marks["paused"] <= marks["understood"] <= marks["first_token"] <= marks["first_audio"] <= marks["sent"]
    assert told["voice_to_voice_ms"] == marks["sent"]
    assert {(job["stage"], job["job"]) for job in told["jobs"]} >= {
        ("stt", "understand"), ("llm", "generate"), ("tts", "speak"), ("turn", "judge"),
    }  # fmt: skip
    assert next(job for job in told["jobs"] if job["job"] == "generate")["outcome"] == "done"
    assert told["usage"]["heard_seconds"] >= 1.0
    assert told["usage"]["spoken_seconds"] == pytest.approx(0.9)  # three words


def test_a_typed_turn_has_no_voice_to_voice(url: str, world: World) -> None:
    world.replies = ["A written answer."]
    with calling(url) as socket:
        told = story(url, socket.ask("Hello"))
    assert told["voice_to_voice_ms"] is None
    assert told["outcome"] == "completed"
    assert "first_token" in told["marks"]
    assert "generate" in [job["job"] for job in told["jobs"]]


def test_a_reply_that_is_stopped_is_interrupted_and_one_whose_client_leaves_is_abandoned(
    url: str, world: World
) -> None:
    world.replies = ["One two three four five six seven eight nine ten. " * 8] * 8
    with calling(url) as socket:
        speak(socket)
        socket.until("response.output_audio.delta")
        socket.send("response.cancel")
        stopped = socket.until("response.done")["response"]
        assert story(url, stopped)["outcome"] == "interrupted"
        speak(socket)
        left = socket.until("response.created")["response"]
        socket.until("response.output_audio.delta")
    assert story_in_time(url, left)["outcome"] == "abandoned"


def test_a_reply_that_fails_is_told_as_failed(url: str, world: World) -> None:
    world.llm.failing = [InternalError("The engine failed.")] * 4
    with calling(url) as socket:
        assert socket.ask("Hello")["status"] == "failed"
        newest = httpx.get(f"{url}/v1/turns").json()["data"][0]
    assert newest["outcome"] == "failed"


def story_in_time(url: str, response: dict[str, Any]) -> dict[str, Any]:
    """Nobody is told when what was left behind is on disk: ask until it is."""
    for _ in range(1_000):
        if (answer := httpx.get(f"{url}/v1/turns/{response['id']}/timings")).status_code == 200:
            told: dict[str, Any] = answer.json()
            return told
    raise AssertionError(answer.text)


def test_a_reply_to_audio_that_was_not_understood_yet_has_all_its_jobs(url: str, world: World) -> None:
    world.replies = ["A spoken answer."]
    audio = {"type": "input_audio", "audio": base64.b64encode(TONE).decode()}
    with calling(url) as socket:
        socket.send("conversation.item.create", item={"type": "message", "role": "user", "content": [audio]})
        socket.until("conversation.item.done")
        socket.send("response.create")
        told = story(url, socket.until("response.done")["response"])
    assert {(job["stage"], job["job"]) for job in told["jobs"]} == {
        ("stt", "understand"), ("llm", "generate"), ("tts", "speak"),
    }  # fmt: skip


def test_a_story_that_cannot_be_kept_fails_no_response(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def keep(turns: Turns, *_: object) -> Writing[None]:
        return turns._database.begin(full)

    def full(_: object) -> None:
        raise StorageFailed("The disk is full.", code="storage_full")

    monkeypatch.setattr(Turns, "keep", keep)
    with calling(url) as socket:
        assert socket.ask("Hello")["status"] == "completed"
