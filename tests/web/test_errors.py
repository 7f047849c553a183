"""Bad input: each a specific error that names the field, and nothing in a worker dies."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
import httpx
import numpy as np
import pytest

from appliance.audio import read_wav, wav
from appliance.errors import CODES

ONE_SECOND = np.zeros(16_000, dtype="<i2").tobytes()


def ask(box: str, path: str, **request: Any) -> tuple[int, dict[str, Any]]:
    answer = httpx.post(f"{box}{path}", timeout=120, **request)
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert CODES[error["code"]][0] == answer.status_code
    return answer.status_code, error


def restarts(box: str) -> int:
    return sum(stage["restarts"] for stage in httpx.get(f"{box}/health/ready").json()["stages"].values())


def flac(seconds: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as container:
        stream: Any = container.add_stream("flac", rate=16_000, layout="mono")
        noise = np.random.default_rng(1).integers(-3000, 3000, 16_000).astype(np.int16).reshape(1, -1)
        for _ in range(seconds):
            frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
            frame.sample_rate = 16_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


BAD_AUDIO = {
    "empty": (b"", "audio_empty"),
    "no samples": (wav(b"", 16_000), "audio_empty"),
    "text": (b"This is a text file, not audio. " * 50, "audio_not_recognised"),
    "silent": (wav(ONE_SECOND * 2, 16_000), "audio_silent"),
    "cut wav": (wav(ONE_SECOND, 16_000)[:9000], "audio_truncated"),
    "cut wav header": (wav(ONE_SECOND, 16_000)[:30], "audio_truncated"),
    "cut flac": (flac(4)[:40_000], "audio_truncated"),
    "too long": (wav(ONE_SECOND * 90, 16_000), "audio_too_long"),
}


@pytest.mark.parametrize("name", BAD_AUDIO)
def test_bad_audio(box: str, name: str) -> None:
    data, code = BAD_AUDIO[name]
    before = restarts(box)
    status, error = ask(box, "/v1/audio/transcriptions", files={"file": ("f.wav", data)})
    assert (status, error["code"], error["param"]) == (400, code, "file")
    status, error = ask(box, "/v1/voice/turns", files={"audio": ("f.wav", data)})
    assert (status, error["code"], error["param"]) == (400, code, "audio")
    assert restarts(box) == before


CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}

BAD_JSON: dict[str, tuple[str, dict[str, Any], str, str | None]] = {
    "no messages": ("/v1/chat/completions", {}, "missing_field", "messages"),
    "tool without a name": (
        "/v1/chat/completions",
        {**CHAT, "tools": [{"type": "function", "function": {}}]},
        "missing_field",
        "tools[0].function.name",
    ),
    "empty messages": ("/v1/chat/completions", {"messages": []}, "invalid_value", "messages"),
    "wrong type": ("/v1/chat/completions", {**CHAT, "max_tokens": "many"}, "invalid_value", "max_tokens"),
    "out of range": ("/v1/chat/completions", {**CHAT, "temperature": 9}, "invalid_value", "temperature"),
    "huge seed": ("/v1/chat/completions", {**CHAT, "seed": 2**70}, "invalid_value", "seed"),
    "huge limit": ("/v1/chat/completions", {**CHAT, "max_tokens": 2**70}, "invalid_value", "max_tokens"),
    "unknown model": ("/v1/chat/completions", {**CHAT, "model": "gpt-99"}, "model_not_found", "model"),
    "unsupported": ("/v1/chat/completions", {**CHAT, "audio": {}}, "unsupported_parameter", "audio"),
    "suffix": ("/v1/completions", {"prompt": "Hi", "suffix": "."}, "unsupported_parameter", "suffix"),
    "too many choices": ("/v1/completions", {"prompt": ["Hi"] * 17}, "invalid_value", "prompt"),
    "empty input": ("/v1/embeddings", {"input": ["Hi", ""]}, "invalid_value", "input[1]"),
    "too many dimensions": ("/v1/embeddings", {"input": "Hi", "dimensions": 10**6}, "invalid_value", "dimensions"),
    "picture": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        "unsupported_parameter",
        "messages[0].content",
    ),
    "no content": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": None}]},
        "missing_field",
        "messages[0].content",
    ),
    "long prompt": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": "word " * 3000}]},
        "context_length_exceeded",
        "messages",
    ),
    "nothing to say": ("/v1/audio/speech", {"input": "  "}, "text_empty", "input"),
    "only signs": ("/v1/audio/speech", {"input": "***"}, "text_empty", "input"),
    "too much to say": ("/v1/audio/speech", {"input": "a" * 5000}, "text_too_long", "input"),
    "unknown voice": ("/v1/audio/speech", {"input": "Hi", "voice": "bob"}, "voice_not_found", "voice"),
    "wrong format": (
        "/v1/audio/speech",
        {"input": "Hi", "response_format": "midi"},
        "invalid_value",
        "response_format",
    ),
    "wrong speed": ("/v1/audio/speech", {"input": "Hi", "speed": 40}, "invalid_value", "speed"),
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_bad_json(box: str, name: str) -> None:
    path, body, code, param = BAD_JSON[name]
    _, error = ask(box, path, json=body)
    assert (error["code"], error["param"]) == (code, param)


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "missing_field"), (b"null", "invalid_value"), (b"[]", "invalid_value")],
)
def test_a_body_that_is_none(box: str, content: bytes, code: str) -> None:
    status, error = ask(box, "/v1/chat/completions", content=content, headers={"content-type": "application/json"})
    assert (status, error["code"], error["param"]) == (400, code, "body")
    assert "data" not in error["message"]


def test_a_million_messages_are_refused_by_their_number(box: str) -> None:
    for path, field in (("/v1/chat/completions", "messages"), ("/v1/responses", "input")):
        _, error = ask(box, path, json={field: [{"role": "user", "content": "a"}] * 10_001})
        assert (error["code"], error["param"]) == ("invalid_value", field)
        assert "10000" in error["message"]


def test_bad_forms(box: str, question: bytes) -> None:
    _, error = ask(box, "/v1/audio/transcriptions", files={"file": question}, data={"language": "klingon"})
    assert (error["code"], error["param"]) == ("invalid_value", "language")
    _, error = ask(box, "/v1/audio/transcriptions", files={"file": question}, data={"response_format": "pdf"})
    assert error["param"] == "response_format"
    _, error = ask(box, "/v1/audio/transcriptions", data={"file": "words"}, files={"other": question})
    assert (error["param"], "as a file" in error["message"]) == ("file", True)
    status, _ = ask(box, "/v1/audio/transcriptions", files={"prompt": (None, b"\xff\xfe"), "file": question})
    assert status == 400
    for charset, text in (("nope", b"a"), ("zip", b"a"), ("undefined", b"a"), ("utf-7", b"+2AA-")):  # half a pair
        files = {"prompt": (None, text, f"text/plain; charset={charset}"), "file": question}
        status, error = ask(box, "/v1/audio/transcriptions", files=files)
        assert (status, error["message"]) == (400, "A field of the form is not UTF-8 text."), charset
    _, error = ask(box, "/v1/audio/transcriptions", files={"other": question})
    assert (error["code"], error["param"]) == ("missing_field", "file")
    _, error = ask(box, "/v1/audio/transcriptions", files={"file": question}, data={"language": "yue"})
    assert (error["code"], error["param"]) == ("invalid_value", "language")
    _, error = ask(box, "/v1/voice/turns", files={"audio": question}, data={"conversation": "me\n"})
    assert error["param"] == "conversation"
    _, error = ask(box, "/v1/voice/turns", files={"audio": question}, data={"conversation": "a b"})
    assert error["param"] == "conversation"


def test_other_faults(box: str) -> None:
    assert ask(box, "/v1/nothing")[1]["code"] == "not_found"
    assert ask(box, "/v1/models")[1]["code"] == "method_not_allowed"
    assert ask(box, "/v1/chat/completions", content=b"{nonsense")[0] == 400
    status, error = ask(box, "/v1/audio/transcriptions", files={"file": ONE_SECOND * 300})
    assert (status, error["code"]) == (413, "body_too_large")
    assert "8 MB" in error["message"]


@pytest.mark.parametrize(("container", "codec"), [("mp4", "aac"), ("webm", "libopus"), ("ogg", "libopus")])
def test_any_container_rate_and_channel_count(box: str, question: bytes, container: str, codec: str) -> None:
    pcm, rate = read_wav(question)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=48_000, layout="stereo")
        mono = np.frombuffer(pcm, dtype=np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(mono, 2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = rate
        frame.time_base, frame.pts = Fraction(1, rate), 0
        resampler = av.AudioResampler(format="s16" if codec == "libopus" else "fltp", layout="stereo", rate=48_000)
        for resampled in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(resampled))
        output.mux(stream.encode(None))
    files = {"file": (f"q.{container}", file.getvalue())}
    answer = httpx.post(f"{box}/v1/audio/transcriptions", files=files, data={"language": "en"}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert "green" in answer.json()["text"]
