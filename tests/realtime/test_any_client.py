"""Whatever clients send, in whatever order: errors name what was wrong, sequences stay whole, and the session lives.

A real socket, and stages that are simulated.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from doors import simulated_doors
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from protocol import Protocol
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_SECONDS = 20
LOUD, QUIET = 2000, 0
TOO_SLOW = {"type": "audio/pcm", "rate": 8000}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with simulated_doors() as url:
        yield url.replace("http", "ws", 1) + "/v1/realtime?model=gpt-realtime"


class Client:
    """One raw connection; checks the order of all that comes."""

    def __init__(self, url: str) -> None:
        self._opened = connect(url, max_size=None)
        self.socket = self._opened.__enter__()
        self.protocol = Protocol()
        self.number = 0
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        """Leave."""
        self._opened.__exit__(None, None, None)

    def send(self, event: dict[str, Any] | str | bytes) -> None:
        self.socket.send(event if isinstance(event, str | bytes) else json.dumps(event))

    def settle(self) -> list[dict[str, Any]]:
        """All that came until the session answers a question that only it can answer."""
        self.number += 1
        mark = f"mark-{self.number}"
        self.send({"type": "conversation.item.retrieve", "item_id": "nowhere", "event_id": mark})
        came: list[dict[str, Any]] = []
        while True:
            event = self._next()
            if event["type"] == "error" and event["error"]["event_id"] == mark:
                return came
            came.append(event)

    def until(self, kind: str) -> dict[str, Any]:
        """The next event of a kind."""
        while True:
            event = self._next()
            if event["type"] == kind:
                return event

    def _next(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.socket.recv(PATIENCE_SECONDS))
        self.events.append(event)
        self.protocol.check(event)
        return event


def audio(level: int, seconds: float) -> str:
    return base64.b64encode(np.full(int(24_000 * seconds), level, dtype="<i2").tobytes()).decode()


WRONG = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20),
    st.lists(st.integers(), max_size=3), st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)  # fmt: skip
KINDS = (
    "session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
    "output_audio_buffer.clear", "conversation.item.create", "conversation.item.retrieve",
    "conversation.item.truncate", "conversation.item.delete", "response.create", "response.cancel",
)  # fmt: skip


class AnyClient(RuleBasedStateMachine):
    """A client that does what it likes."""

    url = ""

    @initialize(detection=st.sampled_from(["server_vad", "semantic_vad", None]))
    def begin(self, detection: str | None) -> None:
        self.client = Client(self.url)
        turn = {"type": detection} if detection is not None else None
        session = {"type": "realtime", "audio": {"input": {"turn_detection": turn, "transcription": {}}}}
        self.client.send({"type": "session.update", "session": session})
        self.client.until("session.updated")

    @rule(loud=st.booleans(), seconds=st.floats(0.01, 1.5))
    def speak(self, loud: bool, seconds: float) -> None:
        self.client.send({"type": "input_audio_buffer.append", "audio": audio(LOUD if loud else QUIET, seconds)})

    @rule(kind=st.sampled_from(["input_audio_buffer.commit", "input_audio_buffer.clear", "output_audio_buffer.clear"]))
    def plain(self, kind: str) -> None:
        self.client.send({"type": kind})

    @rule(
        text=st.text(max_size=30),
        role=st.sampled_from(["user", "assistant", "system"]),
        item_id=st.sampled_from(["a", "b", "c", None]),
        after=st.sampled_from(["root", "a", "b", None]),
    )
    def create_item(self, text: str, role: str, item_id: str | None, after: str | None) -> None:
        kind = "output_text" if role == "assistant" else "input_text"
        item = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
        item |= {"id": item_id} if item_id else {}
        self.client.send(
            {"type": "conversation.item.create", "item": item, **({"previous_item_id": after} if after else {})}
        )

    @rule(
        kind=st.sampled_from(["delete", "retrieve", "truncate"]),
        item=st.sampled_from(["a", "b", "last", "unknown"]),
        end=st.integers(0, 100_000),
    )
    def touch_item(self, kind: str, item: str, end: int) -> None:
        if item == "last" and self.client.protocol.items:
            item = self.client.protocol.items[-1]
        event = {"type": f"conversation.item.{kind}", "item_id": item}
        self.client.send(event | ({"content_index": 0, "audio_end_ms": end} if kind == "truncate" else {}))

    @rule(aside=st.booleans(), text_only=st.booleans())
    def respond(self, aside: bool, text_only: bool) -> None:
        response: dict[str, Any] = {"conversation": "none"} if aside else {}
        response |= {"output_modalities": ["text"]} if text_only else {}
        self.client.send({"type": "response.create", "response": response})

    @rule()
    def cancel(self) -> None:
        self.client.send({"type": "response.cancel"})

    @rule(
        kind=st.sampled_from(KINDS),
        fields=st.dictionaries(
            st.sampled_from(["session", "audio", "item", "item_id", "response", "audio_end_ms", "content_index"]), WRONG
        ),
    )
    def garbage_event(self, kind: str, fields: dict[str, Any]) -> None:
        self.client.send({"type": kind, "event_id": "garbage", **fields})

    @rule(data=st.one_of(st.text(max_size=50), st.binary(max_size=50), WRONG.map(json.dumps)))
    def garbage(self, data: str | bytes) -> None:
        self.client.send(data)

    @invariant()
    def lives(self) -> None:
        """It answers, and nothing that came was out of order."""
        if hasattr(self, "client"):
            for event in self.client.settle():
                assert event["type"] != "error" or event["error"]["code"] != "internal_error", event

    def teardown(self) -> None:
        if hasattr(self, "client"):
            self.client.close()


def test_any_sequence_of_events(url: str) -> None:
    AnyClient.url = url
    run_state_machine_as_test(
        AnyClient,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize="CI" in os.environ,  # there the same sequences each time; elsewhere new ones
        ),
    )


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    made = Client(url)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("event", "param"),
    [
        ("", "body"),
        ("[]", "body"),
        ("{", "body"),
        (b"\xff\xfe", "body"),
        ("[" * 100_000, "body"),
        ({"type": 7}, "type"),
        ({"type": "session.upgrade"}, "type"),
        ({"type": "session.update"}, "session"),
        ({"type": "input_audio_buffer.append", "audio": "not base64!"}, "audio"),
        ({"type": "conversation.item.truncate", "item_id": "x", "audio_end_ms": -1}, "audio_end_ms"),
        ({"type": "session.update", "session": {"output_modalities": ["smell"]}}, "session.output_modalities[0]"),
        (
            {"type": "session.update", "session": {"audio": {"input": {"turn_detection": {"type": "telepathy"}}}}},
            "session.audio.input.turn_detection.type",
        ),
        (
            {"type": "session.update", "session": {"audio": {"output": {"speed": 9}}}},
            "session.audio.output.speed",
        ),
        ({"type": "session.update", "session": {"audio": {"output": {"voice": "nobody"}}}}, "voice"),
        ({"type": "session.update", "session": {"tools": [{"type": "mcp"}]}}, "session.tools[0].type"),
        ({"type": "session.update", "session": {"prompt": {"id": "p"}}}, "session.prompt"),
        ({"type": "response.create", "response": {"max_output_tokens": 0}}, "response.max_output_tokens"),
        ({"type": "session.update", "session": {"audio": {"input": 5}, "voice": "alloy"}}, "audio.input"),
        ({"type": "session.update", "session": {"audio": []}}, "audio"),
        ({"type": "session.update", "session": {"input_audio_format": ["x"]}}, "session.audio.input.format"),
        (
            {"type": "session.update", "session": {"audio": {"input": {"format": TOO_SLOW}}}},
            "session.audio.input.format",
        ),
        (
            {"type": "session.update", "session": {"audio": {"input": {"transcription": {"language": "klingon"}}}}},
            "session.audio.input.transcription.language",
        ),
        ({"type": "response.create", "response": {"audio": {"output": "x"}}}, "response.audio.output"),
        ({"type": "response.cancel"}, "response_id"),
        ({"type": "input_audio_buffer.commit"}, None),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "user", "content": [{"type": "input_image"}]},
            },
            "item.content[0]",
        ),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_what_is_wrong_is_named(client: Client, event: Any, param: str | None) -> None:
    if isinstance(event, dict):
        event["event_id"] = "mine"
    client.send(event)
    errors = [each["error"] for each in client.settle() if each["type"] == "error"]
    assert len(errors) == 1, errors
    assert errors[0]["param"] == param
    assert errors[0]["type"] == "invalid_request_error"
    assert errors[0]["event_id"] == ("mine" if isinstance(event, dict) else None)


def test_too_much_audio_in_one_event(client: Client) -> None:
    client.send({"type": "input_audio_buffer.append", "audio": "AAAA" * (5 * 1024 * 1024 + 10)})
    (error,) = [event["error"] for event in client.settle() if event["type"] == "error"]
    assert error["code"] == "body_too_large"


def test_a_message_beyond_all_limits_ends_that_connection_only(url: str) -> None:
    flooding, other = Client(url), Client(url)
    masked_text, size_in_eight_bytes, mask = 0x81, 0xFF, bytes(4)
    frame = bytes([masked_text, size_in_eight_bytes]) + (25 * 1024 * 1024).to_bytes(8, "big") + mask
    flooding.socket.socket.sendall(frame)  # refused for what it says, and not when it is here
    with pytest.raises(ConnectionClosed) as closed:
        flooding.until("never")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    other.settle()
    other.close()


def test_the_beta_s_names_are_understood(client: Client) -> None:
    session = {
        "modalities": ["text", "audio"], "input_audio_format": "g711_ulaw", "output_audio_format": "pcm16",
        "turn_detection": None, "input_audio_transcription": {"model": "whisper-1"}, "voice": "alloy",
        "max_response_output_tokens": 77,
    }  # fmt: skip
    client.send({"type": "session.update", "session": session})
    updated = client.until("session.updated")["session"]
    assert updated["output_modalities"] == ["audio"]
    assert updated["audio"]["input"]["format"]["type"] == "audio/pcmu"
    assert updated["audio"]["output"]["format"]["type"] == "audio/pcm"
    assert updated["audio"]["input"]["turn_detection"] is None
    assert updated["max_output_tokens"] == 77
    client.send({"type": "transcription_session.update", "session": {}})
    assert client.until("session.updated")["session"]["type"] == "transcription"


def test_an_unknown_model_is_refused_with_words(url: str) -> None:
    with connect(url.replace("gpt-realtime", "gpt-17")) as stranger:
        error = json.loads(stranger.recv(PATIENCE_SECONDS))
        assert error["error"]["code"] == "model_not_found"
        with pytest.raises(ConnectionClosed):
            stranger.recv(PATIENCE_SECONDS)


def test_one_session_too_many_is_refused_with_words() -> None:
    with simulated_doors(sessions=2) as http:
        url = http.replace("http", "ws", 1) + "/v1/realtime?model=gpt-realtime"
        first, second = Client(url), Client(url)
        first.settle()
        second.settle()
        with connect(url) as third:
            assert json.loads(third.recv(PATIENCE_SECONDS))["error"]["code"] == "overloaded"
        first.close()
        second.close()
