"""Heads, trailers and bodies of requests are bounded in size and time. Real sockets, raw bytes."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from scripted import ScriptedStage, furnished

from appliance.metrics import REGISTRY
from appliance.voice.stages import Stages
from appliance.web.heads import MOST_BYTES, BoundedHeads
from appliance.web.names import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_SECONDS = 20


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    made = uvicorn.Config

    def config(*given: object, **named: object) -> uvicorn.Config:
        return made(*given, **{**named, "http": BoundedHeads})  # type: ignore[arg-type]

    monkeypatch.setattr(uvicorn, "Config", config)
    monkeypatch.setattr("appliance.web.heads.SECONDS", 0.2)
    stage = ScriptedStage()
    overrides: dict[str, dict[str, Any]] = {"workers": {"reader_seconds": 0.2}, "http": {"open": False}}
    with furnished(overrides, Stages(stage, stage, stage, stage), Names(stt="e", llm="b", voices={"j": "m"})) as url:
        yield url


def sent(box: str, *pieces: bytes) -> bytes:
    """All that comes back before the box closes the connection."""
    answer = b""
    with socket.create_connection(("127.0.0.1", int(box.rpartition(":")[2])), timeout=PATIENCE_SECONDS) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
            while data := line.recv(65_536):
                answer += data
        except ConnectionError:
            pass
    return answer


def test_a_slow_head_is_told_so(box: str) -> None:
    assert sent(box).startswith(b"HTTP/1.1 408")
    assert sent(box, b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-Half: ").startswith(b"HTTP/1.1 408")


def test_a_large_head_is_refused(box: str) -> None:
    lines = [b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(MOST_BYTES // 1000 + 400)]
    assert b" 431 " in sent(box, b"GET /health/live HTTP/1.1\r\nHost: a\r\n", *lines)
    endless = [b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: ", *[b"a" * 65_536] * 10]
    assert b" 200 " not in sent(box, *endless)


def test_trailers_end_the_connection(box: str) -> None:
    head = b"POST /v1/session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    trailers = [b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(100_000)]
    begun = sent(box, head, b"2\r\n{}\r\n0\r\n", *trailers)
    assert b" 200 " not in begun


def test_a_slow_body_is_told_so(box: str) -> None:
    head = b"POST /v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    answer = sent(box, head, b"{")
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"request_timeout" in answer


def test_strangers_leave_room_for_others(box: str) -> None:
    head = b"POST /v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    lines = []
    try:
        for _ in range(300):
            line = socket.create_connection(("127.0.0.1", int(box.rpartition(":")[2])), timeout=PATIENCE_SECONDS)
            line.sendall(head)
            lines.append(line)
        assert httpx.get(f"{box}/v1/models", timeout=PATIENCE_SECONDS).status_code == 401
    finally:
        for line in lines:
            line.close()


def test_an_answer_is_not_cut_off_by_what_follows(box: str) -> None:
    first = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = sent(box, first + b"GET /half")
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1 200") == 1


def test_who_leaves_amid_the_body_is_no_fault(capsys: pytest.CaptureFixture[str], box: str) -> None:
    def left() -> float:
        return REGISTRY.get_sample_value("appliance_http_disconnects_total", {"route": "/v1/session"}) or 0.0

    head = b"POST /v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    before = left()
    with socket.create_connection(("127.0.0.1", int(box.rpartition(":")[2]))) as line:
        line.sendall(head)
        httpx.get(f"{box}/health/live")
    for _ in range(1000):
        if left() > before:
            break
        httpx.get(f"{box}/health/live")
    assert left() == before + 1
    assert "request failed" not in capsys.readouterr().err
