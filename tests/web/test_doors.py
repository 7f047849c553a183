"""The doors as OpenAI's own client uses them, on the real starter models."""

from __future__ import annotations

import base64
import io
import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import av
import httpx
import openai
import pytest
from conftest import QUESTION, mostly

from appliance.audio import read_wav, seconds, wav

if TYPE_CHECKING:
    from pathlib import Path

CODES = {"wav", "mp3", "opus", "flac", "aac"}


def normal(text: str) -> list[str]:
    return re.sub(r"[^\w\s]", "", text.lower()).split()


def word_errors(said: list[str], heard: list[str]) -> int:
    """Levenshtein distance in words."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        row, last = [i], row
        for j, other in enumerate(heard, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (word != other)))
    return row[-1]


def test_models_answer_to_their_names(client: openai.OpenAI) -> None:
    names = {model.id for model in client.models.list()}
    assert {"whisper-base", "smollm2-135m-instruct", "en_US-joe-medium", "default", "whisper-1", "tts-1"} <= names
    for name in ("whisper-1", "text-embedding-3-small"):
        assert client.models.retrieve(name).id == name
    with pytest.raises(openai.NotFoundError, match="no-such"):
        client.models.retrieve("no-such")


def test_recorded_speech_is_understood(client: openai.OpenAI, recorded: Path) -> None:
    errors = words = 0
    for line in (recorded / "transcripts.tsv").read_text().splitlines()[1:]:
        name, _, said = line.split("\t")
        heard = client.audio.transcriptions.create(model="whisper-1", file=(name, (recorded / name).read_bytes()))
        errors += word_errors(normal(said), normal(heard.text))
        words += len(normal(said))
    assert errors / words <= 0.1


def take(client: openai.OpenAI, form: Any) -> tuple[bytes, int]:
    """The question, and how many of its words are heard wrongly."""
    spoken = client.audio.speech.create(model="tts-1", voice="alloy", input=QUESTION, response_format=form).content
    heard = client.audio.transcriptions.create(model="whisper-1", file=(f"q.{form}", spoken), language="en")
    return spoken, word_errors(normal(QUESTION), normal(heard.text))


def test_the_voice_is_understood(client: openai.OpenAI) -> None:
    mostly(lambda: take(client, "wav")[1] <= 1, takes=5)


@pytest.mark.parametrize("form", ["wav", "mp3", "opus", "flac", "aac"])
def test_each_format_is_audio_of_the_same_length(client: openai.OpenAI, form: Any, question: bytes) -> None:
    spoken, _ = take(client, form)
    with av.open(io.BytesIO(spoken), "r") as container:
        length = sum([frame.samples / frame.sample_rate for frame in container.decode(container.streams.audio[0])])
    assert length == pytest.approx(seconds(*read_wav(question)), rel=0.35)
    mostly(lambda: take(client, form)[1] <= 2, takes=5)


def test_speed_shortens(client: openai.OpenAI) -> None:
    def length(speed: float) -> int:
        """Of three takes, as each takes its time."""
        speak = partial(client.audio.speech.create, model="tts-1", voice="joe", response_format="pcm", speed=speed)
        return sum(len(speak(input="One two three four five.").content) for _ in range(3))

    assert length(2.0) < 0.7 * length(1.0)


def test_speech_events(box: str) -> None:
    request = {"input": "Hello there.", "response_format": "pcm", "stream_format": "sse"}
    lines = httpx.post(f"{box}/v1/audio/speech", json=request, timeout=60).text.splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    assert sum(len(base64.b64decode(event["audio"])) for event in events[:-1]) > 10_000
    assert events[-1]["type"] == "speech.audio.done"


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_transcript_forms(box: str, question: bytes, form: str) -> None:
    answer = httpx.post(
        f"{box}/v1/audio/transcriptions", files={"file": question}, data={"response_format": form}, timeout=60
    )
    assert "green" in answer.text
    assert ("-->" in answer.text) == (form != "text")
    assert answer.text.startswith("WEBVTT") == (form == "vtt")


def test_word_times_lie_in_order(client: openai.OpenAI, question: bytes) -> None:
    heard = client.audio.transcriptions.create(
        model="whisper-1",
        file=("q.wav", question),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert heard.words
    assert heard.segments
    starts = [word.start for word in heard.words]
    assert starts == sorted(starts)
    assert heard.words[-1].end <= heard.duration + 0.1
    only_segments = client.audio.transcriptions.create(
        model="whisper-1", file=("q.wav", question), response_format="verbose_json"
    )
    assert only_segments.segments
    assert not only_segments.words


def test_transcription_streams(client: openai.OpenAI, question: bytes) -> None:
    events = list(client.audio.transcriptions.create(model="whisper-1", file=("q.wav", question), stream=True))
    assert events[-1].type == "transcript.text.done"
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == events[-1].text


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the client's own word on its method
def test_translation(client: openai.OpenAI, question: bytes) -> None:
    assert "green" in normal(client.audio.translations.create(model="whisper-1", file=("q.wav", question)).text)


def test_chat_whole_and_streamed_agree(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Name three colours."}]
    whole = client.chat.completions.create(model="default", messages=messages, temperature=0, max_tokens=24)
    assert whole.choices[0].message.content
    assert whole.usage
    assert whole.usage.completion_tokens <= 24
    stream = client.chat.completions.create(
        model="default",
        messages=messages,
        temperature=0,
        max_tokens=24,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_stop_strings_end_a_reply(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Count from one to ten in digits."}]
    made = client.chat.completions.create(model="default", messages=messages, temperature=0, max_tokens=60)
    text = made.choices[0].message.content or ""
    stop = text[8:12]
    cut = client.chat.completions.create(
        model="default", messages=messages, temperature=0, max_tokens=60, stop=[stop]
    ).choices[0]
    assert cut.message.content == text[: text.index(stop)]
    assert cut.finish_reason == "stop"


def test_seed_repeats(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": "Tell me a story."}]}]

    def text(seed: int) -> str | None:
        made = client.chat.completions.create(
            model="default", messages=messages, temperature=1, seed=seed, max_tokens=24
        )
        return made.choices[0].message.content

    assert text(1) == text(1)
    assert text(1) != text(2)


def turn_events(box: str, audio: bytes, **fields: str) -> list[dict[str, Any]]:
    answer = httpx.post(
        f"{box}/v1/voice/turns",
        files={"audio": audio},
        data=fields,
        headers={"accept": "text/event-stream"},
        timeout=120,
    )
    assert answer.status_code == 200, answer.text
    lines = answer.text.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def test_a_turn_is_heard_answered_and_spoken(box: str, client: openai.OpenAI, question: bytes) -> None:
    events = turn_events(box, question, response_format="pcm", language="en")
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["turn.started", "turn.transcript"]
    assert kinds[-1] == "turn.done"
    done = events[-1]
    assert "green" in normal(done["transcript"])
    assert "".join(event["delta"] for event in events if event["type"] == "turn.text.delta").strip() == done["text"]
    pcm = b"".join(base64.b64decode(event["audio"]) for event in events if event["type"] == "turn.audio.delta")
    assert seconds(pcm, 24_000) == pytest.approx(done["audio_seconds"], abs=0.01)
    heard = client.audio.transcriptions.create(model="whisper-1", file=("r.wav", wav(pcm, 24_000)), language="en")
    assert word_errors(normal(done["text"]), normal(heard.text)) <= max(2, 0.4 * len(normal(done["text"])))
    marks = done["timings"]
    assert marks["transcript_ms"] <= marks["first_token_ms"] <= marks["first_clause_ms"] <= marks["first_audio_ms"]


def test_a_conversation_goes_on(box: str, question: bytes) -> None:
    first = turn_events(box, question, conversation="goes-on", response_format="pcm")[-1]
    second = turn_events(box, question, conversation="goes-on", response_format="pcm")[-1]
    assert second["conversation"] == "goes-on"
    assert second["usage"]["prompt_tokens"] > first["usage"]["prompt_tokens"] + first["usage"]["completion_tokens"]


def test_a_turn_as_one_audio_body(box: str, question: bytes) -> None:
    answer = httpx.post(f"{box}/v1/voice/turns", files={"audio": question}, timeout=120)
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["x-conversation-id"].startswith("conv_")
    assert seconds(*read_wav(answer.content)) > 0.2


def test_health_metrics_and_schema(box: str) -> None:
    assert httpx.get(f"{box}/health/live").json()["status"] == "live"
    stages = httpx.get(f"{box}/health/ready").json()["stages"]
    assert {stage["state"] for stage in stages.values()} == {"ready"}
    figures = httpx.get(f"{box}/metrics").text
    assert 'appliance_stage_ready{stage="stt"} 1.0' in figures
    assert "/v1/voice/turns" in httpx.get(f"{box}/schema/openapi.json").json()["paths"]
    given = httpx.get(f"{box}/health/live", headers={"x-request-id": "mine-1"})
    assert given.headers["x-request-id"] == "mine-1"
