"""Traces as a collector has them: scripted stages behind real doors, and a receiver that reads OTLP's own messages."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from receivers import WAIT_SECONDS, Receiver, Span, receiving
from scripted import END, ScriptedStage, furnished

from appliance import metrics
from appliance.callers.names import Names
from appliance.errors import InternalError
from appliance.jobs import SPEECH_RATE, Audio, Heard, Segment, Token
from appliance.story import JobStory, Story
from appliance.telemetry import traces as traces_module
from appliance.telemetry.traces import Traces
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"  # pragma: allowlist secret
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
SECRET = "the heron stands in cold water"  # pragma: allowlist secret
ASK = {"model": "default", "messages": [{"role": "user", "content": SECRET}]}
STORY = Story(
    id="turn_1", door="turns", outcome="completed", zero_ms=1_700_000_000_000,
    marks={"transcript": 200.0, "first_audio": 700.0},
    jobs=(
        JobStory(stage="stt", job="transcribe", priority="live", outcome="done", sent=0.0, began=50.0, first=190.0,
                 ended=200.0, audio_seconds=3.0),
        JobStory(stage="llm", job="generate", priority="live", outcome="done", sent=200.0, began=230.0, first=300.0,
                 ended=900.0, prompt_tokens=40, cached_tokens=30, completion_tokens=12),
        JobStory(stage="tts", job="speak", priority="live", outcome="aborted", sent=600.0, began=None, first=None,
                 ended=700.0),
    ),
)  # fmt: skip


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@contextmanager
def telling(collector: Receiver, llm: ScriptedStage | None = None) -> Iterator[str]:
    """Address of doors whose stages hear and say the secret."""
    heard = Heard(seconds=3.0, language="en", language_probability=1.0)
    stt = ScriptedStage([heard, Segment(id=0, start=0, end=3, text=SECRET)])
    llm = llm or ScriptedStage([Token(text=f"{SECRET}."), END])
    pcm = bytes(SPEECH_RATE)
    tts = ScriptedStage([(Audio(samples=SPEECH_RATE // 2), pcm)])
    overrides: dict[str, dict[str, Any]] = {"http": {"open": True}, "telemetry": {"traces_to": collector.url}}
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth"})
    with furnished(overrides, Stages(stt, llm, tts, tts), names) as url:
        yield url


def children(spans: list[Span], parent: Span) -> list[Span]:
    return [span for span in spans if span.parent == parent.id]


def test_a_chat_is_part_of_its_clients_trace_and_says_nothing(collector: Receiver) -> None:
    with telling(collector) as url:
        answer = httpx.post(f"{url}/v1/chat/completions", json=ASK, headers=PARENT)
        assert SECRET in answer.text
    # the box has ended, and so all has been sent
    assert {path for path, _, _ in collector.requests} == {"/v1/traces"}
    (request,) = [span for span in collector.spans if span.name == "POST /v1/chat/completions"]
    assert (request.trace, request.parent) == (TRACE, SPAN)
    assert request.attributes["http.route"] == "/v1/chat/completions"
    assert request.attributes["http.response.status_code"] == 200
    assert request.resource["service.name"] == "voice-appliance"
    (thinking,) = children(collector.spans, request)
    assert thinking.name == "thinking"
    assert thinking.attributes["appliance.outcome"] == "done"
    assert request.start <= thinking.start <= thinking.end <= request.end
    assert SECRET.encode() not in collector.everything
    assert b"heron" not in collector.everything


def test_a_spoken_turn_is_a_span_of_its_own_with_its_stages(collector: Receiver) -> None:
    with telling(collector) as url:
        done = httpx.post(f"{url}/v1/voice/turns", files={"audio": ("a.wav", b"RIFF")}, headers=PARENT)
        assert done.status_code == 200
    spans = collector.spans
    (turn,) = [span for span in spans if span.name == "voice.turn"]
    (request,) = [span for span in spans if span.name == "POST /v1/voice/turns"]
    assert (turn.parent, request.parent, turn.trace) == (request.id, SPAN, TRACE)
    assert turn.attributes["appliance.turn.id"] == done.headers["x-turn-id"]
    assert turn.attributes["appliance.turn.outcome"] == "completed"
    assert turn.attributes["appliance.turn.voice_to_voice_ms"] >= 0
    assert [span.name for span in children(spans, turn)] == ["listening", "thinking", "speaking"]
    assert b"heron" not in collector.everything


def test_what_fails_is_marked_and_a_trace_that_is_not_sampled_is_not_told(collector: Receiver) -> None:
    llm = ScriptedStage([InternalError(SECRET)])
    with telling(collector, llm) as url:
        failed = httpx.post(f"{url}/v1/chat/completions", json=ASK)
        httpx.post(f"{url}/v1/chat/completions", json=ASK, headers={"traceparent": f"00-{TRACE}-{SPAN}-00"})
        httpx.get(f"{url}/health/live")
    assert failed.status_code == 500
    (request,) = [span for span in collector.spans if span.name.startswith("POST")]
    assert request.failed
    assert request.parent == ""
    assert request.trace != TRACE
    (thinking,) = children(collector.spans, request)
    assert thinking.failed
    assert not [span for span in collector.spans if "health" in span.name]
    assert b"heron" not in collector.everything


async def test_turns_of_a_connection_without_a_trace_have_one_each(collector: Receiver) -> None:
    traces = Traces(collector.url)
    async with traces.running():
        traces.begin("")
        traces.turn(STORY)
        traces.turn(STORY)
    turns = [span for span in collector.spans if span.name == "voice.turn"]
    assert [turn.parent for turn in turns] == ["", ""]
    assert len({turn.trace for turn in turns}) == 2


async def test_a_job_waits_and_is_worked_on_by_the_genai_conventions(collector: Receiver) -> None:
    traces = Traces(collector.url, {"llm": "brain", "stt": "ears"})
    async with traces.running():
        traces.turn(STORY)
    spans = collector.spans
    (turn,) = [span for span in spans if span.name == "voice.turn"]
    assert turn.parent == ""
    listening, thinking, speaking = children(spans, turn)
    queue, work = children(spans, listening)
    zero = STORY.zero_ms * 1_000_000
    assert (queue.name, queue.start - zero, queue.end - zero) == ("queue", 0, 50_000_000)
    assert (work.name, work.start - zero, work.end - zero) == ("transcribe", 50_000_000, 200_000_000)
    _, chat = children(spans, thinking)
    assert chat.name == "chat brain"
    assert {name: value for name, value in chat.attributes.items() if name.startswith("gen_ai.")} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "llama.cpp",
        "gen_ai.request.model": "brain",
        "gen_ai.response.model": "brain",
        "gen_ai.usage.input_tokens": 40,
        "gen_ai.usage.output_tokens": 12,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.response.time_to_first_chunk": 0.1,
    }
    assert children(spans, speaking) == []  # no worker ever began it
    assert speaking.attributes["appliance.outcome"] == "aborted"


def told(outcome: str) -> float:
    return metrics.REGISTRY.get_sample_value("appliance_traces_total", {"outcome": outcome}) or 0.0


async def test_a_dead_collector_holds_up_nobody_and_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(traces_module, "MOST_WAITING", 4)
    monkeypatch.setattr(traces_module, "FLUSH_SECONDS", 0.2)
    said: list[str] = []
    monkeypatch.setattr(traces_module.log, "warning", lambda event, **_: said.append(event))
    with receiving() as gone:
        address = gone.url  # nobody listens there afterwards
    traces, dropped = Traces(address), told("dropped")
    async with traces.running():
        for _ in range(50):
            traces.turn(STORY)  # never waits
        with anyio.fail_after(WAIT_SECONDS):
            while "traces cannot be sent" not in said:
                await anyio.sleep(0.01)
                traces.turn(STORY)
    assert said.count("traces cannot be sent") == 1
    assert told("dropped") - dropped >= 46
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


async def test_a_collector_that_comes_back_is_told_again(collector: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces_module, "GATHER_SECONDS", 0.01)
    traces, sent = Traces(collector.url), told("sent")
    collector.status = 400  # not one that is tried again
    async with traces.running():
        traces.turn(STORY)
        with anyio.fail_after(WAIT_SECONDS):
            while not collector.requests:  # noqa: ASYNC110 - it comes from another thread
                await anyio.sleep(0.01)
            collector.status = 200
            while told("sent") == sent:
                traces.turn(STORY)
                await anyio.sleep(0.01)


def test_without_a_collector_nothing_of_it_is_loaded() -> None:
    code = (
        "import sys; import appliance.app, appliance.web.doors, appliance.cli.serve\n"
        "from appliance.telemetry.traces import Traces; from appliance.telemetry.reports import reporting\n"
        "Traces().turn(None)\n"
        "with reporting(''): pass\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'sentry_sdk'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
    assert not [thread for thread in threading.enumerate() if thread.name == "traces"]
