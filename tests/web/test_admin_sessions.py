"""Who speaks now, as an administrator sees it, and how a conversation is ended. Real sockets."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from scripted import ScriptedStage, furnished
from test_identity import appliance, bearer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from appliance.callers.names import Names
from appliance.jobs import Heard
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from appliance.jobs import AnyJob

NAMES = Names(stt="ears", llm="brain", voices={"joe": "mouth"})


async def slow(_: AnyJob, __: int) -> AsyncIterator[Any]:
    """Begins to hear, and never comes to an end."""
    yield Heard(seconds=1.0, language="en", language_probability=1.0)
    await anyio.sleep_forever()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Address of a box that answers nobody, and keys of an admin and a user."""
    stage = ScriptedStage(slow)
    with furnished({"store": {"dir": str(tmp_path)}}, Stages(stage, stage, stage, stage), NAMES) as url:
        made = ("keys", "create", "--state-dir", str(tmp_path))
        yield url, {"admin": appliance(*made, "root", "--role", "admin"), "user": appliance(*made, "anna")}


def listed(url: str, key: str, count: int) -> list[dict[str, Any]]:
    """Rows, once there are so many."""
    until = time.monotonic() + 30
    while True:
        rows: list[dict[str, Any]] = httpx.get(f"{url}/v1/admin/sessions", headers=bearer(key)).json()["data"]
        if len(rows) == count or time.monotonic() > until:
            assert len(rows) == count
            return rows


def test_a_live_conversation_is_listed_and_ended(box: tuple[str, dict[str, str]]) -> None:
    url, keys = box
    began = time.time()
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime"
    with connect(address, additional_headers=bearer(keys["user"]), open_timeout=10) as socket:
        assert json.loads(socket.recv(timeout=10))["type"] == "session.created"
        (row,) = listed(url, keys["admin"], 1)
        assert (row["kind"], row["user"], row["key_id"]) == ("live", "anna", keys["user"].split("_")[1])
        assert row["address"] == "127.0.0.1"
        assert began - 1 <= row["since"] <= time.time()
        ended = httpx.delete(f"{url}/v1/admin/sessions/{row['id']}", headers=bearer(keys["admin"]))
        assert ended.json() == row
        event: dict[str, Any] = {"type": ""}
        while event["type"] != "error":
            event = json.loads(socket.recv(timeout=30))
        assert event["error"]["code"] == "session_ended"
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=30)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "session_ended")
    assert listed(url, keys["admin"], 0) == []
    noted = httpx.get(f"{url}/v1/admin/audit", headers=bearer(keys["admin"])).json()["data"]
    assert [each["object"] for each in noted if each["action"] == "live conversation ended"] == [
        f"anna/{keys['user'].split('_')[1]}"
    ]
    assert httpx.get(f"{url}/v1/models", headers=bearer(keys["user"])).status_code == 200  # the key stays good


def test_a_spoken_turn_is_listed_and_ended(box: tuple[str, dict[str, str]]) -> None:
    url, keys = box
    answers: list[httpx.Response] = []

    def speak() -> None:
        files = {"audio": ("a.wav", b"RIFF")}
        answers.append(httpx.post(f"{url}/v1/voice/turns", files=files, headers=bearer(keys["user"]), timeout=60))

    thread = threading.Thread(target=speak)
    thread.start()
    (row,) = listed(url, keys["admin"], 1)
    assert row["kind"] == "turn"
    httpx.delete(f"{url}/v1/admin/sessions/{row['id']}", headers=bearer(keys["admin"])).raise_for_status()
    thread.join(60)
    assert (answers[0].status_code, answers[0].json()["error"]["code"]) == (403, "session_ended")


def test_nobody_is_ended_twice_nor_by_a_user(box: tuple[str, dict[str, str]]) -> None:
    url, keys = box
    gone = httpx.delete(f"{url}/v1/admin/sessions/line_none", headers=bearer(keys["admin"]))
    assert (gone.status_code, gone.json()["error"]["param"]) == (404, "session_id")
    assert httpx.get(f"{url}/v1/admin/sessions", headers=bearer(keys["user"])).status_code == 403
    assert httpx.delete(f"{url}/v1/admin/sessions/x", headers=bearer(keys["user"])).status_code == 403


def test_who_comes_by_a_secret_is_seen_where_they_are(box: tuple[str, dict[str, str]]) -> None:
    url, keys = box
    made = httpx.post(f"{url}/v1/realtime/client_secrets", headers=bearer(keys["user"]), json={}).json()["value"]
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime"
    with connect(address, additional_headers=bearer(made), open_timeout=10) as socket:
        assert json.loads(socket.recv(timeout=10))["type"] == "session.created"
        (row,) = listed(url, keys["admin"], 1)
        assert (row["user"], row["address"]) == ("anna", "127.0.0.1")
        assert made not in json.dumps(row)
