"""Satellites that the box calls: Wyoming's own server as one that comes and goes. Simulated stages."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest
from scripted_door import LINEUP, VOICES, door
from simulated import World
from wyoming.event import Event
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.server import AsyncEventHandler, AsyncTcpServer

from appliance.wyoming.about import About
from appliance.wyoming.satellites import keep_called

if TYPE_CHECKING:
    import asyncio

    from anyio.streams.memory import MemoryObjectSendStream


class Satellite(AsyncEventHandler):
    """Asks for an announcement when it is called, and hangs up after it."""

    def __init__(
        self, heard: MemoryObjectSendStream[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:  # fmt: skip
        super().__init__(reader, writer)
        self._heard = heard

    async def handle_event(self, event: Event) -> bool:
        if event.type != "audio-chunk":
            await self._heard.send(event.type)
        if event.type == "run-satellite":
            plan = RunPipeline(PipelineStage.TTS, PipelineStage.TTS, announce_text="Hello.")
            await self.write_event(plan.event())
        return event.type != "audio-stop"


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def test_it_is_called_until_it_answers_and_again_when_it_was_away(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr("appliance.wyoming.satellites.FIRST_SECONDS", 0.01)
    monkeypatch.setattr("appliance.wyoming.satellites.LONGEST_SECONDS", 0.05)
    send, heard = anyio.create_memory_object_stream[str](32)
    async with door(World()) as one, anyio.create_task_group() as tasks:
        tasks.start_soon(
            keep_called, f"127.0.0.1:{port}", one.admission, About("box", LINEUP, VOICES), 20.0
        )  # nobody is there yet
        for _ in range(2):
            server = AsyncTcpServer("127.0.0.1", port)
            await server.start(partial(Satellite, send))
            with anyio.fail_after(20):
                assert [await heard.receive() for _ in range(3)] == ["run-satellite", "audio-start", "audio-stop"]
            await server.stop()
            while heard.statistics().current_buffer_used:
                heard.receive_nowait()
        tasks.cancel_scope.cancel()
    send.close()
    heard.close()
