"""Heads, trailers and bodies of requests are bounded in size and time. Real sockets, raw bytes."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from scripted import ScriptedStage, furnished

from appliance.callers.names import Names
from appliance.metrics import REGISTRY
from appliance.voice.stages import Stages
from appliance.web.heads import MOST_BYTES, BoundedHeads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

PATIENCE_SECONDS = 20


def guarded(**workers: float) -> AbstractContextManager[str]:
    stage = ScriptedStage()
    overrides: dict[str, dict[str, Any]] = {"workers": workers, "http": {"open": False}}
    return furnished(overrides, Stages(stage, stage, stage, stage), Names(stt="e", llm="b", voices={"j": "m"}))


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads are read as `appliance serve` has them read."""
    made = uvicorn.Config

    def config(*given: object, **named: object) -> uvicorn.Config:
        return made(*given, **{**named, "http": BoundedHeads})  # type: ignore[arg-type]

    monkeypatch.setattr(uvicorn, "Config", config)


@pytest.fixture
def box(bounded: None) -> Iterator[str]:
    with guarded() as url:
        yield url


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch, bounded: None) -> Iterator[str]:
    """What comes slowly has a fifth of a second."""
    monkeypatch.setattr("appliance.web.heads.SECONDS", 0.2)
    with guarded(reader_seconds=0.2) as url:
        yield url


def sent(box: str, *pieces: bytes) -> bytes:
    """All that comes back before the box closes the connection."""
    answer = b""
    with socket.create_connection(("127.0.0.1", int(box.rpartition(":")[2])), timeout=PATIENCE_SECONDS) as line:
        with suppress(ConnectionError):  # it may refuse before it has all, and its answer is here all the same
            for piece in pieces:
                line.sendall(piece)
        with suppress(ConnectionError):
            while data := line.recv(65_536):
                answer += data
    return answer


def test_a_slow_head_is_told_so(hasty: str) -> None:
    assert sent(hasty).startswith(b"HTTP/1.1 408")
    assert sent(hasty, b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-Half: ").startswith(b"HTTP/1.1 408")


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


def test_a_slow_body_is_told_so(hasty: str) -> None:
    head = b"POST /v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    answer = sent(hasty, head, b"{")
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"request_timeout" in answer


def test_strangers_leave_room_for_others(hasty: str) -> None:
    head = b"POST /v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    lines = []
    try:
        for _ in range(300):
            line = socket.create_connection(("127.0.0.1", int(hasty.rpartition(":")[2])), timeout=PATIENCE_SECONDS)
            line.sendall(head)
            lines.append(line)
        assert httpx.get(f"{hasty}/v1/models", timeout=PATIENCE_SECONDS).status_code == 401
    finally:
        for line in lines:
            line.close()


def test_an_answer_is_not_cut_off_by_what_follows(hasty: str) -> None:
    first = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = sent(hasty, first + b"GET /half")
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
