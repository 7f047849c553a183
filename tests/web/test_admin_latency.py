"""How long everybody's turns took: what is added up, where a bucket begins, what is cut. A real database and door."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest
from scripted import END, ScriptedStage, furnished

from appliance.callers.names import Names
from appliance.jobs import SPEECH_RATE, Audio, Heard, Segment, Token
from appliance.store.conversations import Addition, Conversations
from appliance.store.database import Database
from appliance.store.items import Item
from appliance.store.latency import LONGEST_MS, Percentiles, latency, percentiles
from appliance.store.owners import Owner
from appliance.store.turns import Turns
from appliance.story import Story
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.story import Door

HOUR_MS = 3_600_000


def story(number: int, zero_ms: int, took: float, door: Door = "turns") -> Story:
    mark = "first_audio" if door == "turns" else "sent"
    marks = {"transcript": took / 2, mark: took}
    return Story(id=f"turn_{number}", door=door, outcome="completed", zero_ms=zero_ms, marks=marks)


async def test_turns_of_all_are_added_up_by_door_and_time(tmp_path: Path) -> None:
    database = Database(tmp_path / "appliance.db")
    database.open()
    kept = [
        story(0, 10 * HOUR_MS - LONGEST_MS - 1, 9.0),  # too old: nothing behind it is looked at
        story(1, 10 * HOUR_MS - 1, 9.0),  # before the window, and yet kept between others
        *(story(2 + number, 10 * HOUR_MS + number, 100.0 + number) for number in range(20)),
        story(22, 12 * HOUR_MS, 700.0, "realtime"),
        story(23, 13 * HOUR_MS, 9.0),  # after it
        Story(id="turn_24", door="realtime", outcome="abandoned", zero_ms=12 * HOUR_MS, marks={"over": 5.0}),
    ]
    async with database.running():
        turns, conversations = Turns(database), Conversations(database)
        for number, each in enumerate(kept):
            owner = Owner(("ann", "ben")[number % 2], "user")
            await conversations.add(owner, "kitchen", Addition(items=[Item(id=f"item_{number}", words="Hi")])).done()
            await turns.keep(owner, "kitchen", each).done()
        found = await turns.latency(since_ms=10 * HOUR_MS, width_ms=HOUR_MS, count=3)
        few = await database.read(
            lambda tables: latency(tables, since_ms=10 * HOUR_MS, width_ms=HOUR_MS, count=3, most=5)
        )
    assert (found.turns, found.cut, found.oldest_ms) == (22, False, 10 * HOUR_MS)
    spoken, live = found.doors["turns"], found.doors["realtime"]
    nothing = Percentiles(0, None, None)
    assert list(spoken.buckets) == [Percentiles(20, 109.0, 118.0), nothing, nothing]
    assert list(live.buckets) == [nothing, nothing, Percentiles(1, 700.0, 700.0)]
    assert spoken.whole == Percentiles(20, 109.0, 118.0)
    assert spoken.marks == {"transcript": Percentiles(20, 54.5, 59.0), "first_audio": spoken.whole}
    assert live.marks["over"] == Percentiles(1, 5.0, 5.0)
    assert (few.turns, few.cut, few.oldest_ms) == (4, True, 10 * HOUR_MS + 18)


@pytest.mark.parametrize(
    ("took", "p50", "p95"),
    [([3.0], 3.0, 3.0), ([2.0, 1.0], 1.0, 2.0), ([float(each) for each in range(1, 101)], 50.0, 95.0)],
)
def test_percentiles_are_values_that_there_were(took: list[float], p50: float, p95: float) -> None:
    assert percentiles(took) == Percentiles(len(took), p50, p95)


def test_a_turn_is_in_the_last_bucket() -> None:
    heard = Heard(seconds=2.0, language="en", language_probability=1.0)
    stt = ScriptedStage([heard, Segment(id=0, start=0, end=2, text="A secret")])
    tts = ScriptedStage([(Audio(samples=SPEECH_RATE // 2), bytes(SPEECH_RATE))])
    stages = Stages(stt, ScriptedStage([Token(text="Good morning."), END]), tts, tts)
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth"})
    with furnished({"http": {"open": True}}, stages, names) as url:
        began = time.time()
        httpx.post(f"{url}/v1/voice/turns", files={"audio": ("a.wav", b"RIFF")}).raise_for_status()
        answer = httpx.get(f"{url}/v1/admin/latency?hours=2&buckets=4").raise_for_status()
        told, now = answer.json(), time.time()
        for wrong in ("hours=0", "buckets=0", "buckets=501", "hours=x"):
            refused = httpx.get(f"{url}/v1/admin/latency?{wrong}")
            assert (refused.status_code, refused.json()["error"]["param"]) == (400, wrong.split("=")[0])
    assert (told["turns"], told["cut"], told["bucket_seconds"]) == (1, False, 1800.0)
    assert (told["since"] % 1800, told["until"] - told["since"]) == (0, 7200)
    assert told["since"] <= told["counted_from"] <= now <= told["until"] + 60
    spoken = told["doors"]["turns"]
    assert [each["start"] - told["since"] for each in spoken["data"]] == [0, 1800, 3600, 5400]
    counts = [each["count"] for each in spoken["data"]]
    begun_since = began < spoken["data"][-1]["start"]  # another bucket, between the turn and the question
    assert counts == [0, 0, 0, 1] or (begun_since and counts == [0, 0, 1, 0])
    assert spoken["whole"]["p50_ms"] == spoken["whole"]["p95_ms"] > 0
    assert {"transcript", "first_audio"} <= set(spoken["marks"])
    assert told["doors"]["realtime"]["whole"] == {"count": 0, "p50_ms": None, "p95_ms": None}
    assert "secret" not in answer.text
