"""Error reports as a Sentry server gets them: what failed and where, and nothing of what was said."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from receivers import Receiver, receiving
from scripted import ScriptedStage, doors

from appliance import __version__, logs
from appliance.settings import SettingsError, load
from appliance.telemetry.reports import KEPT, Reports, allowed, reporting
from appliance.web import chat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SECRET = "my safe opens with the number of the beast"  # pragma: allowlist secret
KEY = "va_abcdefgh_notakeyatall"  # pragma: allowlist secret
"""As a client might send it."""


@pytest.fixture
def sentry() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


async def breaking(job: Any, number: int) -> AsyncIterator[Any]:
    if words := job.messages[-1].content:
        raise ValueError(f"cannot think about {words}")
    yield


def test_a_real_fault_is_reported_by_type_and_place_alone(sentry: Receiver) -> None:
    with doors(chat.chat_completions, stage=ScriptedStage(breaking)) as url, reporting(sentry.dsn):
        body = {"model": "default", "messages": [{"role": "user", "content": SECRET}]}
        headers = {"authorization": f"Bearer {KEY}", "cookie": f"appliance_session={KEY}", "x-request-id": "my-safe"}
        answer = httpx.post(f"{url}/v1/chat/completions?why={KEY}", json=body, headers=headers)
        assert answer.status_code == 500
    (event,) = sentry.events
    (error,) = event["exception"]["values"]
    assert error["type"] == "ValueError"
    assert error["value"].startswith("test_reports.py:")
    frame = error["stacktrace"]["frames"][-1]
    assert (frame["filename"], frame["function"]) == ("test_reports.py", "breaking")
    assert isinstance(frame["lineno"], int)
    assert event["release"] == f"voice-appliance@{__version__}"
    assert event["tags"]["event"] == "request failed"
    assert "request_id" not in event["tags"]  # the client's own may say anything
    assert set(event) <= KEPT | {"exception"}
    for words in (SECRET, *SECRET.split(), "cannot think", KEY, "Bearer", "appliance_session", "messages", "vars"):
        if len(words) > 3:
            assert words.encode() not in sentry.everything, words


def test_the_box_own_request_ids_are_reported(sentry: Receiver) -> None:
    with doors(chat.chat_completions, stage=ScriptedStage(breaking)) as url, reporting(sentry.dsn):
        body = {"model": "default", "messages": [{"role": "user", "content": SECRET}]}
        answer = httpx.post(f"{url}/v1/chat/completions", json=body)
    (event,) = sentry.events
    assert event["tags"]["request_id"] == answer.headers["x-request-id"]


def test_what_a_library_logs_is_reported_without_its_words(sentry: Receiver) -> None:
    with reporting(sentry.dsn):
        try:
            raise KeyError(SECRET)
        except KeyError:
            logging.getLogger("somebody").exception("failed on %s", SECRET)
    (event,) = sentry.events
    assert event["exception"]["values"][0]["type"] == "KeyError"
    assert event["tags"]["event"] == "logged by somebody"
    assert b"beast" not in sentry.everything


def test_what_ends_the_box_is_reported(sentry: Receiver) -> None:
    with pytest.raises(RuntimeError), reporting(sentry.dsn):
        raise RuntimeError(SECRET)
    (event,) = sentry.events
    assert (event["level"], event["tags"]["event"]) == ("fatal", "box failed")
    assert b"beast" not in sentry.everything


def test_the_same_error_is_told_once_and_warnings_are_not(sentry: Receiver) -> None:
    logs.configure("error", "json")
    log = logs.logger("test")
    with reporting(sentry.dsn):
        for _ in range(20):
            log.error("worker ended", stage="llm", reason="the worker's process ended")
        log.error("worker ended", stage="tts", reason="the worker's process ended")
        log.warning("sweep broken off")
    assert [event["tags"]["stage"] for event in sentry.events] == ["llm", "tts"]
    assert all(event["tags"]["reason"] == "the worker's process ended" for event in sentry.events)


def test_a_server_that_is_gone_is_no_fault(sentry: Receiver) -> None:
    reports = Reports(sentry.dsn.replace(sentry.url.rpartition(":")[2], "9"))
    reports.handle(logging.LogRecord("x", logging.ERROR, "", 0, {"event": "box failed"}, (), None))
    reports.handle(logging.LogRecord("x", logging.ERROR, "", 0, 17, (), None))  # nor is a line that has no form
    reports.end()


def test_whatever_is_added_to_an_event_stays_here() -> None:
    frame = {"filename": "a.py", "lineno": 3, "function": "f", "vars": {"words": SECRET}, "context_line": SECRET}
    error = {"type": "E", "value": "a.py:3", "module": SECRET, "mechanism": SECRET, "stacktrace": {"frames": [frame]}}
    event = {
        "level": "error",
        "message": SECRET,
        "request": {"data": SECRET, "headers": {"authorization": KEY}},
        "breadcrumbs": {"values": [{"message": SECRET}]},
        "extra": {"sys.argv": [SECRET]},
        "user": {"id": SECRET},
        "modules": {"a": SECRET},
        "contexts": {"trace": {"data": SECRET}},
        "exception": {"values": [error]},
    }
    left = allowed(event)
    assert "beast" not in str(left)
    assert left["exception"]["values"][0]["stacktrace"]["frames"] == [
        {"filename": "a.py", "lineno": 3, "function": "f"}
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("traces_to", "collector:4318"), ("errors_to", "https://sentry.example/7"), ("errors_to", "sentry")],
)
def test_a_wrong_address_is_said_at_the_start(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"APPLIANCE_TELEMETRY__{name.upper()}: telemetry.{name}: "):
        load(environ={f"APPLIANCE_TELEMETRY__{name.upper()}": value})
