"""`/v1/turns` and `appliance turns`: the stages of spoken turns, by real models, and each its owner's alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from click.testing import CliRunner
from conftest import QUESTION
from scripted import END, ScriptedStage, doors, furnished

from appliance import metrics
from appliance.callers.names import Names
from appliance.cli.main import main
from appliance.cli.waterfall import jobs
from appliance.errors import EngineDown, NotFound, StorageFailed
from appliance.jobs import SPEECH_RATE, Audio, Heard, Segment, Token
from appliance.store.conversations import Addition, Conversations
from appliance.store.database import Database
from appliance.store.items import Item
from appliance.store.owners import Owner
from appliance.store.turns import Turns
from appliance.story import MOST_JOBS, JobNote, Jobs, Story, told
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.store.writing import Writing

NAMES = Names(stt="ears", llm="brain", voices={"joe": "mouth"})


def timings(url: str, turn: str) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{url}/v1/turns/{turn}/timings").raise_for_status().json()
    return told


@pytest.fixture(scope="module")
def taken(box: str, question: bytes) -> dict[str, Any]:
    """A spoken turn of real models, as the box tells of it."""
    files, data = {"audio": ("q.wav", question)}, {"language": "en", "conversation": "timed"}
    done = httpx.post(f"{box}/v1/voice/turns", files=files, data=data, timeout=120)
    return timings(box, done.headers["x-turn-id"])


def test_a_turn_tells_how_long_each_stage_took(taken: dict[str, Any]) -> None:
    assert (taken["door"], taken["outcome"], taken["conversation"]) == ("turns", "completed", "timed")
    marks = taken["marks"]
    assert 0 < marks["transcript"] < marks["first_token"] < marks["first_audio"] <= marks["done"]
    assert taken["voice_to_voice_ms"] == marks["first_audio"]
    stages = [(job["stage"], job["job"], job["outcome"], job["priority"]) for job in taken["jobs"]]
    assert stages[:2] == [("stt", "transcribe", "done", "typed"), ("llm", "generate", "done", "live")]
    assert stages[2:] == [("tts", "speak", "done", "live")] * (len(stages) - 2)
    assert len(stages) > 2
    for job in taken["jobs"]:
        assert 0 <= job["sent_ms"] <= job["began_ms"] <= job["first_ms"] <= job["ended_ms"]
    used, write = taken["usage"], taken["jobs"][1]
    assert used["prompt_tokens"] == write["prompt_tokens"] > 10
    assert used["completion_tokens"] == write["completion_tokens"] > 0
    assert used["heard_seconds"] == pytest.approx(taken["jobs"][0]["audio_seconds"], abs=0.01)
    assert used["spoken_seconds"] == pytest.approx(sum(job["audio_seconds"] for job in taken["jobs"][2:]), abs=0.1)
    assert not set(QUESTION.lower().split()) & set(str(taken).lower().replace("'", " ").split())


def test_the_terminal_draws_it(box: str, taken: dict[str, Any]) -> None:
    listed = CliRunner().invoke(main, ["turns", "list", "--url", box])
    assert listed.exit_code == 0, listed.output
    (line,) = [line for line in listed.output.splitlines() if line.startswith(taken["id"])]
    assert "spoken" in line
    assert "completed" in line
    assert line.endswith(f"{taken['voice_to_voice_ms']:.0f} ms")
    shown = CliRunner().invoke(main, ["turns", "show", taken["id"], "--url", box])
    assert shown.exit_code == 0, shown.output
    for label in ("words understood", "first audio", "stt transcribe", "llm generate", "tts speak"):
        assert label in shown.output
    unknown = CliRunner().invoke(main, ["turns", "show", "no/such?turn", "--url", box])
    assert unknown.exit_code == 1
    assert "There is no" in unknown.output
    nobody = CliRunner().invoke(main, ["turns", "list", "--url", "http://127.0.0.1:9"])
    assert nobody.exit_code == 1
    assert "gave no answer" in nobody.output


def test_waiting_is_drawn_apart_from_work() -> None:
    job = {"stage": "llm", "job": "generate", "outcome": "done", "sent_ms": 0.0, "began_ms": 50.0, "ended_ms": 100.0}
    late = {**job, "job": "speak", "stage": "tts", "outcome": "aborted", "sent_ms": 50.0, "began_ms": None}
    kept = {**job, "stage": "tts", "job": "speak", "outcome": "cached", "began_ms": None}
    lines = jobs([job, late, kept])
    assert lines[0] == f"  {'llm generate':<17}{'░' * 20}{'█' * 20}    100 ms"
    assert (lines[1].count("░"), lines[1].count("█")) == (20, 0)
    assert lines[1].endswith("aborted")
    assert lines[2].count("█") == 40
    assert jobs([job] * 30)[-1] == "  … and 6 more"


@pytest.fixture
def stages() -> Stages:
    heard = Heard(seconds=2.0, language="en", language_probability=1.0)
    stt = ScriptedStage([heard, Segment(id=0, start=0, end=2, text="Hello")])
    tts = ScriptedStage([(Audio(samples=SPEECH_RATE // 2), bytes(SPEECH_RATE))])
    return Stages(stt, ScriptedStage([Token(text="Good morning."), END]), tts, tts)


@pytest.fixture
def url(stages: Stages) -> Iterator[str]:
    with furnished({"http": {"open": True}}, stages, NAMES) as address:
        yield address


def turn(url: str, key: str = "", **data: str) -> httpx.Response:
    headers = {"idempotency-key": key} if key else {}
    return httpx.post(f"{url}/v1/voice/turns", files={"audio": ("a.wav", b"RIFF")}, data=data, headers=headers)


def test_the_newest_come_first_a_page_at_a_time(url: str) -> None:
    ids = [turn(url, conversation="kitchen").headers["x-turn-id"] for _ in range(3)]
    first = httpx.get(f"{url}/v1/turns?limit=2").json()
    assert [each["id"] for each in first["data"]] == ids[:0:-1]
    assert first["has_more"]
    rest = httpx.get(f"{url}/v1/turns?limit=2&after={first['last_id']}").json()
    assert [each["id"] for each in rest["data"]] == ids[:1]
    assert not rest["has_more"]
    wrong = httpx.get(f"{url}/v1/turns?after=nobody")
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "after")


def test_a_turn_goes_with_its_conversation_and_a_second_try_replaces_the_first(url: str) -> None:
    first, second = turn(url, "again", conversation="kitchen"), turn(url, "again", conversation="kitchen")
    assert first.headers["x-turn-id"] == second.headers["x-turn-id"]
    assert len(httpx.get(f"{url}/v1/turns").json()["data"]) == 1
    httpx.delete(f"{url}/v1/conversations/kitchen").raise_for_status()
    assert httpx.get(f"{url}/v1/turns/{first.headers['x-turn-id']}/timings").status_code == 404
    assert httpx.get(f"{url}/v1/turns").json()["data"] == []


def test_what_is_not_remembered_has_no_story(url: str) -> None:
    gone = turn(url, store="false")
    assert gone.status_code == 200
    assert httpx.get(f"{url}/v1/turns/{gone.headers['x-turn-id']}/timings").status_code == 404


def test_a_turn_that_fails_has_a_story_too(url: str, stages: Stages) -> None:
    turn(url, conversation="kitchen").raise_for_status()
    stages.llm.script = [Token(text="Good"), EngineDown("gone")]  # type: ignore[attr-defined]
    httpx.post(
        f"{url}/v1/voice/turns", files={"audio": ("a.wav", b"RIFF")}, data={"conversation": "kitchen"},
        headers={"accept": "text/event-stream"},
    )  # fmt: skip
    newest = httpx.get(f"{url}/v1/turns").json()["data"][0]
    assert newest["outcome"] == "failed"
    outcomes = {job["stage"]: job["outcome"] for job in timings(url, newest["id"])["jobs"]}
    assert outcomes["stt"] == "done"
    assert outcomes["llm"] == "failed"


def full(kept: Any, *_: object) -> Writing[None]:
    """As `Turns.keep` or `Conversations.add`, where there is no room on the disk."""

    def change(_: object) -> None:
        raise StorageFailed("The disk is full.", code="storage_full")

    writing: Writing[None] = kept._database.begin(change)
    return writing


def ended() -> dict[str, float]:
    outcomes = ("completed", "failed", "abandoned")
    labels = [{"door": "turns", "outcome": outcome} for outcome in outcomes]
    return {each["outcome"]: metrics.REGISTRY.get_sample_value("appliance_turns_total", each) or 0.0 for each in labels}


def events(url: str) -> str:
    files = {"audio": ("a.wav", b"RIFF")}
    return httpx.post(f"{url}/v1/voice/turns", files=files, headers={"accept": "text/event-stream"}).text


def test_a_turn_that_cannot_be_remembered_has_failed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conversations, "add", full)
    before = ended()
    assert "storage_full" in events(url)
    assert ended() == {**before, "failed": before["failed"] + 1}


def test_a_story_that_cannot_be_kept_fails_no_turn(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turns, "keep", full)
    before = ended()
    said = events(url)
    assert "storage_full" not in said
    assert "turn.done" in said
    assert ended() == {**before, "completed": before["completed"] + 1}


def test_without_the_scope_for_history_there_is_none() -> None:
    with doors(stage=ScriptedStage(), overrides={"http": {"open": False}}) as closed:
        assert httpx.get(f"{closed}/v1/turns").status_code == 401


async def test_a_turn_is_its_owners_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "appliance.db")
    database.open()
    mine, yours = Owner("ann", "user"), Owner("ben", "user")
    story = Story(id="turn_1", door="turns", outcome="completed", zero_ms=1, marks={"done": 1.5})
    async with database.running():
        turns, conversations = Turns(database), Conversations(database)
        await turns.keep(mine, "kitchen", story).done()
        with pytest.raises(NotFound):  # there is no such conversation, and none is begun
            await turns.get(mine, "turn_1")
        await conversations.add(mine, "kitchen", Addition(items=[Item(id="item_1", words="Hello")])).done()
        await turns.keep(mine, "kitchen", story).done()
        assert (await turns.get(mine, "turn_1")).story == story
        with pytest.raises(NotFound):
            await turns.get(yours, "turn_1")
        assert await turns.page(yours) == ([], False)


def test_jobs_beyond_what_is_kept_are_counted() -> None:
    noted = Jobs()
    for number in range(MOST_JOBS + 3):
        noted.add(JobNote(stage="tts", job="speak", priority="live", sent=float(number)))
    assert (len(noted.notes), noted.left_out) == (MOST_JOBS, 3)
    first = told(noted.notes, 0.0)[0]
    assert (first.sent, first.outcome, first.began) == (0.0, "aborted", None)
    assert first.ended > 0  # what still runs ends as the story does
