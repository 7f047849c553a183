"""A live turn in its client's trace. A real socket, simulated stages, a receiver that reads OTLP's own messages."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from receivers import receiving
from scripted import furnished
from simulated import World
from test_remembering import Socket
from websockets.sync.client import connect

from appliance.callers.names import Names
from appliance.voice.stages import Stages

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"  # pragma: allowlist secret


def test_each_live_turn_is_a_span_of_its_clients_trace() -> None:
    world = World()
    world.levels, world.replies = {2000: "some hidden words"}, ["A hidden answer."]
    stages = Stages(world.stt, world.llm, world.tts, world.turn)
    tone = np.full(24_000, 2000, dtype="<i2").tobytes()
    with receiving() as collector:
        overrides: dict[str, dict[str, Any]] = {"http": {"open": True}, "telemetry": {"traces_to": collector.url}}
        with furnished(overrides, stages, Names(stt="ears", llm="brain", voices={"joe": "mouth"})) as url:
            address = f"{url.replace('http', 'ws', 1)}/v1/realtime?model=default"
            headers = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
            with connect(address, open_timeout=20, additional_headers=headers) as connection:
                socket = Socket(connection)
                for piece in (tone, bytes(48_000)):
                    socket.send("input_audio_buffer.append", audio=base64.b64encode(piece).decode())
                response = socket.until("response.done")["response"]
        (turn,) = [span for span in collector.spans if span.name == "voice.turn"]
        assert (turn.trace, turn.parent) == (TRACE, SPAN)
        assert turn.attributes["appliance.turn.id"] == response["id"]
        names = {span.name for span in collector.spans if span.parent == turn.id}
        assert names == {"endpointing", "listening", "thinking", "speaking"}
        (endpointing,) = [span for span in collector.spans if span.name == "endpointing"]
        assert turn.start <= endpointing.start < endpointing.end <= turn.end
        assert b"hidden" not in collector.everything
