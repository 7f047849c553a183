"""The server is stopped and started again at a socket that somebody else keeps, and no request is lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_activation import HANDS_OVER
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_SECONDS = 30
SERVES = str(Path(__file__).with_name("takes_turns.py"))
ASKS = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SENDS = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na"
OPENS = (
    b"GET /much HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
GOODBYE = b"connection: close"


@pytest.fixture
def kept() -> Iterator[socket.socket]:
    """A socket that listens on, whoever answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        yield listener


@contextmanager
def started(kept: socket.socket, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HANDS_OVER, "", str(kept.fileno()), "http", sys.executable, SERVES, *options]
    with subprocess.Popen(command, pass_fds=[kept.fileno()], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "here\n"
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def stopped(process: subprocess.Popen[str]) -> None:
    """Told to stop; it lets nobody in any more from a moment later on."""
    assert process.stdout is not None
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "ending\n"


def line(kept: socket.socket) -> socket.socket:
    return socket.create_connection(kept.getsockname(), timeout=PATIENCE_SECONDS)


def answer(to: socket.socket, ask: bytes = ASKS) -> bytes:
    """A whole answer to a request."""
    to.sendall(ask)
    said = b""
    while b"\r\n\r\n" not in said or not said.partition(b"\r\n\r\n")[2]:
        data = to.recv(65_536)
        assert data, "closed without an answer"
        said += data
    return said


def is_answered(to: socket.socket) -> bool:
    """Whether a request has at least the beginning of an answer, which is left to be read."""
    try:
        to.sendall(ASKS)
        return to.recv(1, socket.MSG_PEEK) != b""
    except ConnectionError:
        return False


def asked(kept: socket.socket) -> bytes:
    """Who answers somebody who has only now come."""
    with line(kept) as to:
        return answer(to).rpartition(b"\r\n")[2]


def ask_until(kept: socket.socket, done: threading.Event, answered: threading.Semaphore, *, keep: bool) -> list[bytes]:
    """Who answered, one request after another; a client that keeps its connection as long as the server does.

    One that stands still for a moment may ask on a kept connection that the server has just closed: HTTP lets it ask
    again on a new one. That has to be answered.
    """
    answers, to, used = [], line(kept), False
    try:
        while not done.is_set():
            if is_answered(to):
                said = answer(to, b"")
                answers.append(said.rpartition(b"\r\n")[2])
                answered.release()
                used = keep and GOODBYE not in said.lower()
            else:
                assert used, "a new connection was closed without an answer"
                used = False
            if not used:
                to.close()
                to = line(kept)
    finally:
        to.close()
    return answers


def test_no_request_is_lost_between_two_servers(kept: socket.socket) -> None:
    done, answered = threading.Event(), threading.Semaphore(0)

    def some_are_answered() -> None:
        for _ in range(100):
            assert answered.acquire(timeout=PATIENCE_SECONDS)

    with ThreadPoolExecutor(16) as clients, started(kept) as first:
        asking = [clients.submit(ask_until, kept, done, answered, keep=number % 2 == 0) for number in range(16)]
        try:
            some_are_answered()
            stopped(first)
            with started(kept) as second:
                while asked(kept) != str(second.pid).encode():
                    pass
                some_are_answered()
                stopped(second)
                with started(kept) as third:
                    while asked(kept) != str(third.pid).encode():
                        pass
                    some_are_answered()
                    done.set()
                    answers = [who for each in asking for who in each.result(PATIENCE_SECONDS)]
        finally:
            done.set()
    assert set(answers) <= {str(each.pid).encode() for each in (first, second, third)}
    assert len(set(answers)) >= 2


def test_who_was_let_in_is_answered_and_told_to_leave(kept: socket.socket) -> None:
    with started(kept) as server, line(kept) as fresh, line(kept) as used, line(kept) as half:
        for each in (used, half):
            assert GOODBYE not in answer(each)
        half.sendall(ASKS[:10])
        asked(kept)  # it has come round since: those two are known to it
        stopped(server)
        half.sendall(ASKS[10:])
        for to, ask in ((fresh, ASKS), (half, b"")):
            said = answer(to, ask)
            assert GOODBYE in said.lower()
            assert said.endswith(str(server.pid).encode())
            assert to.recv(1) == b""
        assert used.recv(1) == b""
        assert server.wait(PATIENCE_SECONDS) in (0, -signal.SIGTERM)


def test_who_says_nothing_does_not_hold_up_the_end(kept: socket.socket) -> None:
    with started(kept) as server, line(kept) as fresh:
        asked(kept)
        stopped(server)
        assert fresh.recv(1) == b""
        assert server.wait(PATIENCE_SECONDS) in (0, -signal.SIGTERM)


def test_who_was_not_let_in_waits_for_the_next(kept: socket.socket) -> None:
    with started(kept) as first:
        first.send_signal(signal.SIGSTOP)  # it lets nobody in, as one whose process is gone
        waiting = [line(kept) for _ in range(50)]
        for each in waiting:
            each.sendall(ASKS)
        first.kill()
        first.wait(PATIENCE_SECONDS)
    with started(kept) as second:
        assert {answer(each, b"").rpartition(b"\r\n")[2] for each in waiting} == {str(second.pid).encode()}
    for each in waiting:
        each.close()


def test_nobody_is_let_in_before_there_is_an_answer(kept: socket.socket, tmp_path: Path) -> None:
    file = tmp_path / "ready"
    with started(kept, str(file), "60") as server, line(kept) as early:
        early.sendall(ASKS)
        file.touch()
        assert answer(early, b"").endswith(str(server.pid).encode())


def test_but_not_for_ever(kept: socket.socket, tmp_path: Path) -> None:
    with started(kept, str(tmp_path / "never"), "0.1"):
        assert asked(kept) == b"too early"


def test_a_start_that_waits_can_be_stopped(kept: socket.socket, tmp_path: Path) -> None:
    with started(kept, str(tmp_path / "never"), "3600") as server:
        stopped(server)
        assert server.wait(PATIENCE_SECONDS) in (0, -signal.SIGTERM)


def test_a_live_client_that_does_not_read_spoils_nobody_elses_answer(kept: socket.socket) -> None:
    with started(kept, os.devnull, "0", "5") as server, line(kept) as deaf, line(kept) as under_way:
        deaf.sendall(OPENS)
        assert deaf.recv(12) == b"HTTP/1.1 101"
        under_way.sendall(SENDS)
        asked(kept)
        stopped(server)
        assert answer(under_way, b"b").endswith(str(server.pid).encode())
        assert server.stdout is not None
        assert server.stdout.readline() == "gone\n"
        assert server.wait(PATIENCE_SECONDS) in (0, -signal.SIGTERM)


def test_live_conversations_are_told_of_a_restart(kept: socket.socket) -> None:
    host, port = kept.getsockname()
    with started(kept) as server, connect(f"ws://{host}:{port}/", open_timeout=PATIENCE_SECONDS) as live:
        stopped(server)
        with pytest.raises(ConnectionClosed) as closed:
            live.recv(PATIENCE_SECONDS)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
