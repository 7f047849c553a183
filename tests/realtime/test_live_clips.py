"""How a live conversation sounded, kept beside its words. A real socket, simulated stages that can be heard apart."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import numpy as np
import pytest
from clips import likeness, samples
from doors import simulated_doors
from simulated import SECONDS_A_WORD, Simulated, World
from test_remembering import Socket, calling

from appliance.jobs import SPEECH_RATE, Audio, Mark, Speak
from appliance.store import database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.long

KEEPING = {"keep_audio": True}
SAID = np.where(np.arange(SPEECH_RATE) % 120 < 60, 2000, -2000).astype("<i2").tobytes()
"""A second of the voice that the simulated ears know: 200 Hz, as Opus does not carry a constant level."""
REPLY = "One two three four five six seven eight nine ten."


async def speak(job: Speak, _payload: bytes) -> AsyncIterator[tuple[Audio, bytes]]:
    """Each word has a pitch of its own."""
    place, count = 0, int(SPEECH_RATE * SECONDS_A_WORD)
    for number, word in enumerate(job.text.split()):
        start = job.text.index(word, place)
        place = start + len(word)
        wave = 8000 * np.sin(2 * np.pi * (150 + 40 * number) * np.arange(count) / SPEECH_RATE)
        yield Audio(samples=count, marks=[Mark(start, place, (number + 1) * count)]), wave.astype("<i2").tobytes()


class Clock:
    """What playing a reply takes for time: it passes only where that waits, so that no client has played all that it
    was sent, however long this machine took to notice that it is spoken to."""

    Event = anyio.Event

    def __init__(self) -> None:
        self._now = 0.0

    def current_time(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        self._now += seconds


@pytest.fixture
def world() -> World:
    world = World()
    world.tts = Simulated(speak)
    return world


def say(socket: Socket, *pieces: bytes) -> None:
    for piece in pieces:
        socket.send("input_audio_buffer.append", audio=base64.b64encode(piece).decode())


def sent(socket: Socket, item: str) -> bytes:
    """The audio of a reply that the client got."""
    deltas = socket.all("response.output_audio.delta")
    return b"".join(base64.b64decode(event["delta"]) for event in deltas if event["item_id"] == item)


def clip(url: str, item: str, conversation: str = "kitchen") -> httpx.Response:
    return httpx.get(f"{url}/v1/conversations/{conversation}/items/{item}/audio")


def items(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{url}/v1/conversations/kitchen/items?order=asc").json()["data"]
    return found


def test_both_sides_of_a_turn_sound_as_they_did(world: World, tmp_path: Path) -> None:
    world.replies = [REPLY]
    with simulated_doors(world=world, folder=tmp_path, store=KEEPING) as url, calling(url) as socket:
        say(socket, bytes(9600), SAID, bytes(48_000))
        reply = socket.until("response.done")["response"]["output"][0]["id"]
        user = socket.all("input_audio_buffer.committed")[0]["item_id"]
        socket.send("conversation.item.retrieve", item_id=user)
        heard = base64.b64decode(socket.until("conversation.item.retrieved")["item"]["content"][0]["audio"])
        spoken = sent(socket, reply)
    with simulated_doors(world=world, folder=tmp_path) as url:  # what is kept is there, whatever is kept from now on
        assert [item["content"][0]["clip"] for item in items(url)] == [True, True]
        answer = clip(url, reply)
        assert answer.headers["content-type"] == "audio/ogg"
        assert samples(answer.content).size == pytest.approx(10 * SECONDS_A_WORD * 48_000, abs=1)
        assert likeness(answer.content, spoken, SPEECH_RATE) > 0.95
        asked = clip(url, user).content
        assert samples(asked).size == len(heard) == pytest.approx(1.6 * 48_000, rel=0.25)
        assert likeness(asked, heard, SPEECH_RATE) > 0.9  # Opus for speech rounds the corners of this one
        exported = httpx.get(f"{url}/v1/conversations/kitchen/export").json()["items"]
        assert [item["content"][0]["clip"] for item in exported] == [True, True]


def test_the_clip_of_an_interrupted_reply_ends_where_hearing_ended(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.voice.live.playout.anyio", Clock())
    world.replies = [f"{REPLY[:-1]} {REPLY}", "Well."]
    with simulated_doors(world=world, folder=tmp_path, store=KEEPING) as url, calling(url) as socket:
        socket.say("Count")
        socket.send("response.create")
        for _ in range(8):
            socket.until("response.output_audio.delta")
        say(socket, SAID, bytes(48_000))
        done = socket.until("response.done")["response"]
        assert done["status_details"]["reason"] == "turn_detected"
        reply = done["output"][0]["id"]
        spoken = sent(socket, reply)
        socket.until("response.done")
    with simulated_doors(world=world, folder=tmp_path) as url:
        (words,) = [item["content"][0]["text"] for item in items(url) if item["id"] == reply]
        audio = clip(url, reply).content
    long = samples(audio).size / 48_000
    assert 0 < long < len(spoken) / 2 / SPEECH_RATE
    assert long == pytest.approx(len(words.split()) * SECONDS_A_WORD, abs=SECONDS_A_WORD * 0.51)
    assert likeness(audio, spoken, SPEECH_RATE) > 0.95


def test_clients_say_what_was_heard_and_may_say_so_late(world: World, tmp_path: Path) -> None:
    world.replies = [REPLY, REPLY, REPLY]
    with simulated_doors(world=world, folder=tmp_path, store=KEEPING) as url, calling(url) as socket:
        late, now, never = (socket.ask("Count")["output"][0]["id"] for _ in range(3))
        spoken = sent(socket, now)
        for item, ends in ((late, [700]), (never, [1300, 0])):
            for end in ends:
                socket.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=end)
                socket.until("conversation.item.truncated")
    with simulated_doors(world=world, folder=tmp_path) as url:
        assert samples(clip(url, now).content).size == 10 * SECONDS_A_WORD * 48_000
        cut = clip(url, late).content
        assert 0.68 < samples(cut).size / 48_000 <= 0.7  # as many packets as were heard
        assert likeness(cut, spoken, SPEECH_RATE) > 0.95  # it was the same
        assert clip(url, never).json()["error"]["code"] == "not_found"


def test_a_clip_of_the_last_reply_is_cut_and_grows_again(world: World, tmp_path: Path) -> None:
    world.replies = [REPLY]
    with simulated_doors(world=world, folder=tmp_path, store=KEEPING) as url, calling(url) as socket:
        reply = socket.ask("Count")["output"][0]["id"]
        for end in (300, 1250):
            socket.send("conversation.item.truncate", item_id=reply, content_index=0, audio_end_ms=end)
            socket.until("conversation.item.truncated")
    with simulated_doors(world=world, folder=tmp_path) as url:
        assert samples(clip(url, reply).content).size == 1.25 * 48_000


def test_what_was_heard_before_the_client_left_is_kept(world: World, tmp_path: Path) -> None:
    world.replies = [f"{REPLY[:-1]} {REPLY}"]
    with simulated_doors(world=world, folder=tmp_path, store=KEEPING) as url, calling(url) as socket:
        say(socket, SAID, bytes(48_000))
        for _ in range(8):
            reply = socket.until("response.output_audio.delta")["item_id"]
        spoken = sent(socket, reply)
    with simulated_doors(world=world, folder=tmp_path) as url:
        user, assistant = items(url)
        assert user["content"][0]["clip"]
        audio = clip(url, assistant["id"]).content
        assert 0.3 < samples(audio).size / 48_000 < 3.0
        assert likeness(audio, spoken, SPEECH_RATE) > 0.95


def test_nothing_of_it_reaches_the_disk_unless_it_is_wanted(world: World, tmp_path: Path) -> None:
    world.replies = [REPLY]
    with simulated_doors(world=world, folder=tmp_path) as url, calling(url) as socket:
        say(socket, SAID, bytes(48_000))
        reply = socket.until("response.done")["response"]["output"][0]["id"]
        spoken = sent(socket, reply)
        assert [list(item["content"][0]) for item in items(url)] == [
            ["type", "text"], ["type", "text", "annotations", "logprobs"],
        ]  # fmt: skip
        assert clip(url, reply).status_code == 404
    with closing(sqlite3.connect(tmp_path / "appliance.db")) as look:
        assert look.execute("SELECT count(*) FROM clips").fetchone() == (0,)
    files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert sum(map(len, files)) > 10_000
    for piece in (b"OggS", SAID[4800:5040], spoken[4800:5040]):
        assert not any(piece in file for file in files)


def test_what_is_deleted_is_silent(world: World, tmp_path: Path) -> None:
    world.replies = [REPLY]
    with simulated_doors(world=world, folder=tmp_path, store=KEEPING) as url, calling(url) as socket:
        say(socket, SAID, bytes(48_000))
        reply = socket.until("response.done")["response"]["output"][0]["id"]
    with simulated_doors(world=world, folder=tmp_path) as url:
        user = items(url)[0]["id"]
        assert clip(url, reply).status_code == clip(url, user).status_code == 200
        httpx.delete(f"{url}/v1/conversations/kitchen/items/{reply}").raise_for_status()
        assert (clip(url, reply).status_code, clip(url, user).status_code) == (404, 200)
        httpx.delete(f"{url}/v1/conversations/kitchen").raise_for_status()
        assert clip(url, user).status_code == 404
    with closing(sqlite3.connect(tmp_path / "appliance.db")) as look:
        assert look.execute("SELECT count(*) FROM clips").fetchone() == (0,)


def test_what_could_not_be_written_is_made_good_with_its_sound(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(database, "SETUP", ("PRAGMA busy_timeout = 10", *database.SETUP[1:]))
    world.replies = ["One.", "Two."]
    with simulated_doors(world=world, folder=tmp_path, store=KEEPING) as url, calling(url) as socket:
        with closing(sqlite3.connect(tmp_path / "appliance.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            say(socket, SAID, bytes(48_000))
            assert socket.until("response.done")["response"]["status"] == "failed"
            other.execute("ROLLBACK")
        say(socket, SAID, bytes(48_000))
        assert socket.until("response.done")["response"]["status"] == "completed"
    with simulated_doors(world=world, folder=tmp_path) as url:
        kept = items(url)
        assert [(item["role"], item["content"][0].get("clip")) for item in kept] == [
            ("user", True),
            ("assistant", True),
        ] * 2
        assert samples(clip(url, kept[1]["id"]).content).size == SECONDS_A_WORD * 48_000


def test_a_session_that_only_transcribes_keeps_what_was_said(world: World, tmp_path: Path) -> None:
    with simulated_doors(world=world, folder=tmp_path, store=KEEPING) as url, calling(url) as socket:
        socket.send("session.update", session={"type": "transcription"})
        socket.until("session.updated")
        say(socket, SAID, bytes(48_000))
        socket.until("conversation.item.input_audio_transcription.completed")
    with simulated_doors(world=world, folder=tmp_path) as url:
        (item,) = items(url)
        assert 1.0 < samples(clip(url, item["id"]).content).size / 48_000 < 2.0
