"""What happens to a box in a cupboard: it answers again without hands, and forgets nothing that it had acknowledged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from host.appliances import door
from host.household import acknowledged, forgotten, household, until_acknowledged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from host.machine import Machine

READY: Final = "curl -fsS -m 2 http://127.0.0.1:8080/health/ready"
FILL: Final = "dd if=/dev/zero bs=64k status=none >> /var/lib/appliance/filler || true; sync"
LITTLE_ROOM: Final = f"{FILL}; truncate -s -40M /var/lib/appliance/filler"
"""Less than caches leave, also when those have gone; of it the file system keeps some 27 MB for root."""
STATES: Final = "/var/lib/appliance/cache/llm"
WARM: Final = "find -L /opt/appliance/models /opt/appliance/current/venv -type f -exec cat {} + > /dev/null"
"""What is promised is promised of a box whose memory still holds what it loads."""
SELF_TEST: Final = "appliance-synthetic"
WORKERS: Final = ("stt", "llm", "tts", "turn")

# How long until it answers again, in seconds. docs/operations.md tells administrators the same.
AFTER_KILL: Final = 30.0
AFTER_FREEZE: Final = 130.0
AFTER_WORKER: Final = 30.0
AFTER_POWER: Final = 60.0


@pytest.fixture(autouse=True)
def _well(bookworm: Machine) -> Iterator[None]:
    """Each scene begins and ends with a box that is ready."""
    bookworm.run(WARM)
    bookworm.wait(READY)
    yield
    bookworm.wait(READY)


@pytest.fixture
def untested(bookworm: Machine) -> Iterator[None]:
    """Without self-tests: two that meet a dead worker each take the box off for longer than the worker is away."""
    bookworm.run(f"systemctl stop {SELF_TEST}.timer {SELF_TEST}.service")
    yield
    bookworm.run(f"systemctl start {SELF_TEST}.timer")


def restarts(box: Machine) -> int:
    return int(box.show("appliance.service", "NRestarts")["NRestarts"])


@pytest.mark.parametrize(("signal", "limit"), [("KILL", AFTER_KILL), ("STOP", AFTER_FREEZE)])
def test_the_service(bookworm: Machine, folder: Path, signal: str, limit: float) -> None:
    way_in, before = door(bookworm, folder), restarts(bookworm)
    with household(way_in, speakers=0) as everybody:
        until_acknowledged(everybody, 4)
        bookworm.run(f"systemctl kill --kill-whom=main -s {signal} appliance.service")
        again = f"test $(systemctl show -p NRestarts --value appliance.service) -gt {before} && {READY}"
        print(f"answering {bookworm.wait(again, limit):.1f} s after SIG{signal}; promised: {limit:.0f} s")
        until_acknowledged(everybody, acknowledged(everybody) + 4)
    assert forgotten(way_in, everybody) == []


@pytest.mark.usefixtures("untested")
@pytest.mark.parametrize("role", WORKERS)
@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_a_worker(bookworm: Machine, role: str, signal: str) -> None:
    find = f"pgrep -o -f 'appliance.engines.worker {role}'"
    worker, before = bookworm.run(find).out.strip(), restarts(bookworm)
    bookworm.run(f"kill -{signal} {worker}")
    took = bookworm.wait(f"test $({find}) != {worker} && {READY}", AFTER_WORKER)
    print(f"answering {took:.1f} s after SIG{signal} to {role}; promised: {AFTER_WORKER:.0f} s")
    assert restarts(bookworm) == before, "the others went on"


def test_a_self_test_that_is_stopped_with_the_service_has_not_failed(bookworm: Machine) -> None:
    test = f"{SELF_TEST}.service"
    bookworm.run(f"systemctl stop {test}")  # one of the timer's may be about to end
    bookworm.run(f"systemctl start --no-block {test}")
    bookworm.wait(f"test $(systemctl show -p MainPID --value {test}) != 0")
    bookworm.run("systemctl stop appliance.service")
    try:
        assert bookworm.show(test, "ExecMainStatus", "Result") == {"ExecMainStatus": "15", "Result": "success"}
    finally:
        bookworm.run("systemctl start appliance.service")


def test_a_full_disk(bookworm: Machine, folder: Path) -> None:
    way_in, before = door(bookworm, folder), restarts(bookworm)
    try:
        bookworm.run(LITTLE_ROOM)
        assert _turn(way_in.client()) == ""
        bookworm.wait(f"test ! -e {STATES}")  # while nobody speaks: later on it would make room when we want none
        with household(way_in, writers=1, speakers=0) as everybody:
            until_acknowledged(everybody, 2)
            bookworm.run(FILL)
            answers = {_turn(way_in.client()) for _ in range(40)}
            assert answers - {""} == {"storage_full: The disk is full: nothing can be remembered."}
            with way_in.client() as client:
                assert client.get("/v1/conversations").status_code == 200, "what was said can be read"
            assert bookworm.run("systemctl is-active appliance.service").out.strip() == "active"
            bookworm.run("rm /var/lib/appliance/filler")
            until_acknowledged(everybody, acknowledged(everybody) + 2)
    finally:
        bookworm.run("rm -f /var/lib/appliance/filler")
    assert restarts(bookworm) == before, "to start again would help nobody"
    assert forgotten(way_in, everybody) == []


def _turn(client: httpx.Client) -> str:
    """The error that a turn is answered by; nothing if it was kept."""
    words = [{"role": "user", "content": "x" * 2000}]
    body = {"model": "default", "max_tokens": 1, "conversation": "full", "messages": words}
    with client:
        answer = client.post("/v1/chat/completions", json=body)
    return "" if answer.status_code == 200 else "{code}: {message}".format(**answer.json()["error"])


def test_a_host_that_is_stopped_hard_while_it_writes(bookworm: Machine, folder: Path) -> None:
    way_in = door(bookworm, folder)
    with household(way_in, writers=3, speakers=0) as everybody:
        until_acknowledged(everybody, 10)
        bookworm.stop_hard()
        began = time.monotonic()
        bookworm.start()
        bookworm.wait(READY, AFTER_POWER)
        print(f"answering {time.monotonic() - began:.1f} s after power came back; promised: {AFTER_POWER:.0f} s")
        until_acknowledged(everybody, acknowledged(everybody) + 4)
    assert forgotten(way_in, everybody) == []
