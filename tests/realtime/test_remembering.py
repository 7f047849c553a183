"""What a live conversation leaves on disk, and going on from it. A real socket, simulated stages."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from doors import simulated_doors
from simulated import World
from websockets.sync.client import ClientConnection, connect

from appliance.store import database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PUSH_TO_TALK = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}


class Socket:
    """A client that sends events and waits for some."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.events: list[dict[str, Any]] = []

    def send(self, kind: str, **fields: Any) -> None:
        self._connection.send(json.dumps({"type": kind, **fields}))

    def until(self, kind: str) -> dict[str, Any]:
        while True:
            event: dict[str, Any] = json.loads(self._connection.recv(timeout=20))
            self.events.append(event)
            if event["type"] == kind:
                return event

    def say(self, text: str, **fields: Any) -> None:
        """A typed message."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **fields}
        self.send("conversation.item.create", item=item)
        self.until("conversation.item.done")

    def ask(self, text: str) -> dict[str, Any]:
        """A typed message and the response to it."""
        self.say(text)
        self.send("response.create")
        done: dict[str, Any] = self.until("response.done")["response"]
        return done

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


@contextmanager
def calling(url: str, conversation: str = "kitchen", more: str = "") -> Iterator[Socket]:
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime?model=default&conversation={conversation}{more}"
    with connect(address, open_timeout=20) as connection:
        socket = Socket(connection)
        socket.until("session.created")
        assert socket.until("conversation.created")["conversation"]["id"] == conversation
        yield socket


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def url(world: World, tmp_path: Path) -> Iterator[str]:
    with simulated_doors(world=world, folder=tmp_path) as address:
        yield address


def kept(url: str, conversation: str = "kitchen") -> list[tuple[str, str]]:
    """Who said what, as it is on disk."""
    items = httpx.get(f"{url}/v1/conversations/{conversation}/items?order=asc&limit=100").json()["data"]
    return [(item["role"], "".join(part["text"] for part in item["content"])) for item in items]


def test_a_turn_is_on_disk_when_it_is_done_and_the_next_session_goes_on(url: str, world: World) -> None:
    world.replies = ["First answer."]
    with calling(url) as socket:
        assert socket.ask("Hello")["status"] == "completed"
        assert kept(url) == [("user", "Hello"), ("assistant", "First answer.")]
    world.replies = ["Second answer."]
    with calling(url) as socket:
        done = socket.ask("And now?")
        added = [event["item"] for event in socket.all("conversation.item.added")]
        assert [(item["role"], item["status"]) for item in added[:2]] == [
            ("user", "completed"),
            ("assistant", "completed"),
        ]
        assert done["conversation_id"] == "kitchen"
    told = [(message.role, message.content) for message in world.llm.jobs[-1].messages[1:]]
    assert told == [("user", "Hello"), ("assistant", "First answer."), ("user", "And now?")]
    body = {"messages": [{"role": "user", "content": "By text"}], "conversation": "kitchen"}
    world.replies = ["Third answer."]
    httpx.post(f"{url}/v1/chat/completions", json=body).raise_for_status()
    assert [text for _, text in kept(url)] == [
        "Hello", "First answer.", "And now?", "Second answer.", "By text", "Third answer.",
    ]  # fmt: skip


def test_what_was_said_aloud_is_kept_with_its_times(url: str, world: World, tmp_path: Path) -> None:
    world.replies = ["A spoken answer."]
    with calling(url) as socket:
        tone = np.full(24_000, 2000, dtype="<i2").tobytes()
        for piece in (tone, bytes(48_000)):
            socket.send("input_audio_buffer.append", audio=base64.b64encode(piece).decode())
        socket.until("response.done")
        assert kept(url) == [("user", "some words"), ("assistant", "A spoken answer.")]
    with closing(sqlite3.connect(tmp_path / "appliance.db")) as look:
        (aloud, timings), *_ = look.execute("SELECT aloud, timings FROM items WHERE role = 'assistant'").fetchall()
    assert aloud == 1
    assert json.loads(timings)["sent"] > 0


def test_only_what_was_heard_is_kept(url: str, world: World) -> None:
    world.replies = ["One two three four five six seven eight nine ten."]
    with calling(url) as socket:
        done = socket.ask("Count")
        item = done["output"][0]["id"]
        socket.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=700)
        socket.until("conversation.item.truncated")
        heard = kept(url)[1][1]
        assert heard
        assert "One two three four five".startswith(heard)
        socket.send("conversation.item.retrieve", item_id=item)
        assert socket.until("conversation.item.retrieved")["item"]["content"][0]["transcript"] == heard


def test_items_keep_their_places_and_deleted_ones_go(url: str) -> None:
    with calling(url) as socket:
        for name in ("b", "d"):
            socket.say(name, id=name)
        for name, after in (("c", "b"), ("a", "root")):
            item = {"type": "message", "role": "user", "id": name, "content": [{"type": "input_text", "text": name}]}
            socket.send("conversation.item.create", item=item, previous_item_id=after)
            socket.until("conversation.item.done")
        assert [text for _, text in kept(url)] == ["a", "b", "c", "d"]
        socket.send("conversation.item.delete", item_id="c")
        socket.until("conversation.item.deleted")
        assert [text for _, text in kept(url)] == ["a", "b", "d"]


def test_a_call_and_its_answer_are_kept(url: str, world: World) -> None:
    with calling(url) as socket:
        socket.say("Weather?")
        call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
        for item in (call, {"type": "function_call_output", "call_id": "c1", "output": "rain"}):
            socket.send("conversation.item.create", item=item)
            socket.until("conversation.item.done")
    with calling(url) as socket:
        socket.ask("So?")
    told = world.llm.jobs[-1].messages
    assert [message.role for message in told[1:]] == ["user", "assistant", "tool", "user"]


def test_a_turn_that_cannot_be_kept_is_not_said_to_be_done_and_is_made_good(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(database, "SETUP", ("PRAGMA busy_timeout = 10", *database.SETUP[1:]))
    with simulated_doors(world=world, folder=tmp_path) as url, calling(url) as socket:
        world.replies = ["One.", "Two."]
        with closing(sqlite3.connect(tmp_path / "appliance.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            done = socket.ask("First")
            other.execute("ROLLBACK")
        assert done["status"] == "failed"
        assert done["status_details"]["error"]["code"] == "storage_failed"
        assert socket.all("error")[-1]["error"]["code"] == "storage_failed"
        assert socket.ask("Second")["status"] == "completed"
        assert [text for _, text in kept(url)] == ["First", "One.", "Second", "Two."]
