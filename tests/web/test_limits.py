"""What a key may use: refused beyond it, told before, counted by day. Real sockets, scripted stages."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from scripted import ScriptedStage, furnished
from test_identity import appliance, bearer
from websockets.sync.client import connect

from appliance.asking import USER
from appliance.callers import meter as meters
from appliance.callers.meter import Meter
from appliance.callers.names import Names
from appliance.errors import RateLimited
from appliance.jobs import Audio, Embedding, Generated, Heard, Segment, Token
from appliance.settings import Allowance
from appliance.store.database import DAY_MS
from appliance.store.usage import Amount
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

CHAT = {"messages": [{"role": "user", "content": "Hi"}]}


class Clock:
    """Milliseconds since the epoch that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ms = 10 * DAY_MS
        monkeypatch.setattr(meters, "now_ms", lambda: self.ms)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_requests_come_as_fast_as_the_bucket_fills(clock: Clock) -> None:
    meter = Meter(allowance=Allowance(requests_minute=6))

    def tries() -> int:
        made = 0
        while int(meter.headers()["x-ratelimit-remaining-requests"]):
            meter.enter()
            made += 1
        with pytest.raises(RateLimited) as refused:
            meter.enter()
        assert refused.value.retry_after == 10
        return made

    assert tries() == 6
    assert meter.headers()["x-ratelimit-remaining-requests"] == "0"
    assert meter.headers()["x-ratelimit-reset-requests"] == "60s"
    clock.ms += 10_000
    assert tries() == 1
    clock.ms += 600_000
    assert tries() == 6


def test_few_requests_at_once() -> None:
    meter = Meter(allowance=Allowance(requests_at_once=2))
    meter.enter()
    meter.enter()
    with pytest.raises(RateLimited, match="2 requests at once"):
        meter.enter()
    meter.leave()
    meter.enter()
    assert meter.used.requests == 3


def test_a_new_day_begins_with_nothing_used(clock: Clock) -> None:
    noted: list[tuple[str, Amount]] = []
    meter = Meter(
        allowance=Allowance(tokens_day=10, audio_seconds_day=1, documents_day=1),
        note=lambda day, amount: noted.append((day, amount)),
    )
    clock.ms += DAY_MS - 1500
    for check in (meter.check_tokens, meter.check_audio, meter.check_documents):
        check()
    meter.count(Amount(read_tokens=4, written_tokens=6, heard_ms=500, spoken_ms=500, documents=1))
    for check in (meter.check_tokens, meter.check_audio, meter.check_documents):
        with pytest.raises(RateLimited) as refused:
            check()
        assert refused.value.retry_after == 2
    clock.ms += 1500
    for check in (meter.check_tokens, meter.check_audio, meter.check_documents):
        check()
    meter.count(Amount(requests=1))
    assert [day for day, _ in noted] == ["1970-01-11", "1970-01-12"]


@pytest.fixture
def stages() -> Stages:
    heard = Heard(seconds=2.5, language="en", language_probability=1.0)
    stt = ScriptedStage([heard, Segment(id=0, start=0.0, end=1.0, text="hello")])
    llm = ScriptedStage([Token(text="Yes."), Generated(finish_reason="stop", prompt_tokens=7, completion_tokens=3)])
    tts = ScriptedStage([(Audio(samples=12_000), bytes(24_000))])
    return Stages(stt, llm, tts, ScriptedStage())


@pytest.fixture
def box(stages: Stages, tmp_path: Path) -> Iterator[str]:
    limits = {"requests_minute": 100, "tokens_day": 25, "audio_seconds_day": 4, "sessions": 1}
    overrides: dict[str, dict[str, Any]] = {"user_limits": limits, "store": {"dir": str(tmp_path)}}
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth"})
    with furnished(overrides, stages, names) as url:
        yield url


@pytest.fixture
def make(tmp_path: Path) -> Any:
    return partial(appliance, "keys", "create", "--state-dir", str(tmp_path))


def test_what_is_used_is_told_refused_and_counted(box: str, make: Any) -> None:
    anna, ben, root = (bearer(make(*names)) for names in (["anna"], ["ben"], ["root", "--role", "admin"]))
    left = []
    for _ in range(3):
        answer = httpx.post(f"{box}/v1/chat/completions", headers=anna, json=CHAT)
        assert answer.status_code == 200
        left.append(answer.headers["x-ratelimit-remaining-tokens"])
    assert left == ["15", "5", "0"]
    refused = httpx.post(f"{box}/v1/chat/completions", headers=anna, json={**CHAT, "stream": True})
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    assert refused.headers["x-ratelimit-limit-requests"] == "100"
    assert httpx.post(f"{box}/v1/chat/completions", headers=ben, json=CHAT).status_code == 200
    files = {"file": ("a.wav", b"RIFF")}
    assert httpx.post(f"{box}/v1/audio/transcriptions", headers=anna, files=files).status_code == 200
    spoken = partial(httpx.post, f"{box}/v1/audio/speech", headers=anna, json={"input": "Hi", "response_format": "pcm"})
    statuses = [spoken().status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]  # 2.5 s heard, then half a second each
    mine = httpx.get(f"{box}/v1/usage", headers=anna).json()["data"]
    (today,) = mine
    assert today["user"] == "anna"
    assert today["requests"] in (10, 11)  # this one too, if it was written down before it was looked up
    assert (today["input_tokens"], today["output_tokens"]) == (21, 9)
    assert (today["audio_seconds_heard"], today["audio_seconds_spoken"]) == (2.5, 1.5)
    everybody = httpx.get(f"{box}/v1/admin/usage", headers=root).json()["data"]
    assert {each["user"]: each["input_tokens"] for each in everybody if each["user"] != "root"} == {
        "anna": 21,
        "ben": 7,
    }
    figures = httpx.get(f"{box}/metrics", headers=root).text
    assert 'appliance_limits_hit_total{limit="tokens",role="user"}' in figures


def test_a_key_may_have_limits_of_its_own(box: str, make: Any) -> None:
    key = bearer(make("anna", "--limit", "tokens_day=0", "--limit", "requests_minute=3"))
    statuses = [httpx.post(f"{box}/v1/chat/completions", headers=key, json=CHAT).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_usage_outlives_the_process(stages: Stages, tmp_path: Path, make: Any) -> None:
    overrides: dict[str, dict[str, Any]] = {"user_limits": {"tokens_day": 10}, "store": {"dir": str(tmp_path)}}
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth"})
    key = bearer(make("anna"))
    for status in (200, 429):
        with furnished(overrides, stages, names) as url:
            assert httpx.post(f"{url}/v1/chat/completions", headers=key, json=CHAT).status_code == status


def test_live_conversations_are_limited_too(box: str, make: Any) -> None:
    anna, ben = bearer(make("anna")), bearer(make("ben"))
    address = f"{box.replace('http', 'ws', 1)}/v1/realtime"
    with connect(address, additional_headers=anna) as first:
        assert json.loads(first.recv(timeout=10))["type"] == "session.created"
        with connect(address, additional_headers=anna) as second:
            assert json.loads(second.recv(timeout=10))["error"]["code"] == "rate_limited"
        with connect(address, additional_headers=ben) as other:
            assert json.loads(other.recv(timeout=10))["type"] == "session.created"
        turn = httpx.post(f"{box}/v1/voice/turns", headers=anna, files={"audio": ("a.wav", b"RIFF")})
        assert turn.status_code == 429
        first.send(json.dumps({"type": "session.update", "session": {"audio": {"input": {"turn_detection": None}}}}))
        piece = {"type": "input_audio_buffer.append", "audio": "A" * 128_000}  # 96,000 bytes: two seconds
        for _ in range(3):
            first.send(json.dumps(piece))
        events = [json.loads(first.recv(timeout=10)) for _ in range(3)]
    assert events[-1]["error"]["code"] == "rate_limited"
    usage = httpx.get(f"{box}/v1/usage", headers=anna).json()["data"]
    assert usage[0]["audio_seconds_heard"] == 4.0


def test_embeddings_count(box: str, make: Any, stages: Any) -> None:
    stages.llm.script = [(Embedding(index=0, dimensions=2, tokens=11), bytes(8))]
    with openai.OpenAI(base_url=f"{box}/v1", api_key=make("anna"), max_retries=0) as client:
        for _ in range(3):
            client.embeddings.create(model="default", input="Hi")
        with pytest.raises(openai.RateLimitError, match="25 tokens a day"):
            client.embeddings.create(model="default", input="Hi")


def test_the_engines_are_told_whose_a_job_is(box: str, make: Any, stages: Any) -> None:
    asked: list[str] = []

    parts = stages.llm.script

    async def script(_job: Any, _number: int) -> AsyncIterator[Any]:
        asked.append(USER.get())
        for part in parts:
            yield part

    stages.llm.script = script
    for name in ("anna", "ben"):
        answer = httpx.post(f"{box}/v1/chat/completions", headers=bearer(make(name)), json={**CHAT, "stream": True})
        assert answer.status_code == 200
        with connect(f"{box.replace('http', 'ws', 1)}/v1/realtime", additional_headers=bearer(make(name))) as line:
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
            line.send(json.dumps({"type": "session.update", "session": {"output_modalities": ["text"]}}))
            line.send(json.dumps({"type": "conversation.item.create", "item": item}))
            line.send(json.dumps({"type": "response.create"}))
            while json.loads(line.recv(timeout=10))["type"] != "response.done":
                pass
    assert asked[0] == "anna"
    assert asked[-1] == "ben"
    assert set(asked) == {"anna", "ben"}
    assert len(asked) >= 4
