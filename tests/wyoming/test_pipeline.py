"""Whole conversations with a satellite: who may speak when, what interrupts, and what begins anew. Simulated stages."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import numpy as np
import pytest
from door import RATE, answers, kinds, send, sound
from scripted_door import door
from simulated import World
from wyoming.asr import Transcript
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.ping import Ping
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.snd import Played
from wyoming.wake import Detect

from appliance.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scripted_door import Door
    from wyoming.event import Event

WAKE, ASR, HANDLE, TTS = PipelineStage.WAKE, PipelineStage.ASR, PipelineStage.HANDLE, PipelineStage.TTS
BOX = 20_000
"""The level of the wake word "hey_box"."""


class Satellite:
    """One that streams."""

    def __init__(self, client: AsyncTcpClient) -> None:
        self.client = client

    async def run(self, start: PipelineStage, end: PipelineStage, **more: Any) -> None:
        await self.client.write_event(RunPipeline(start, end, **more).event())

    async def hears(self, *parts: tuple[int, float]) -> None:
        """Levels of sound, each for so many seconds."""
        pcm = b"".join(np.full(int(seconds * RATE), level, dtype="<i2").tobytes() for level, seconds in parts)
        await send(self.client, pcm, start=False, stop=False)

    async def until(self, *last: str) -> list[Event]:
        return await answers(self.client, *last)


@asynccontextmanager
async def satellite(world: World, **wyoming: Any) -> AsyncIterator[tuple[Satellite, Door]]:
    world.wake_words = {BOX: "hey_box"}
    world.ends = [0.99] * 20
    async with door(world, **wyoming) as one, AsyncTcpClient("127.0.0.1", one.port) as client:
        yield Satellite(client), one


@pytest.fixture
def world() -> World:
    return World()


async def test_nobody_is_answered_before_the_wake_word(world: World) -> None:
    hello = world.level("Hello there")
    async with satellite(world) as (one, _):
        await one.run(WAKE, TTS)
        await one.hears((hello, 1.0), (0, 4.5))
        assert kinds(await one.until("detect")) == ["detect"]
        await one.hears((BOX, 0.5), (0, 0.5))
        assert kinds(await one.until("detection")) == ["detection"]
        assert not world.stt.jobs
        await one.hears((hello, 1.0), (0, 4.5))
        came = await one.until("audio-stop")
        assert [each.data["text"] for each in came if each.type == "transcript"] == ["Hello there"]
        assert [each.data["text"] for each in came if each.type == "handled"] == ["I heard you."]
        assert len(sound(came)) > 24_000


async def test_the_wake_word_interrupts_the_reply(world: World) -> None:
    hello, stop = world.level("Hello there"), world.level("never mind")
    world.replies = ["This is a very long reply, " * 20, "Very well."]
    async with satellite(world) as (one, _):
        await one.run(WAKE, TTS)
        await one.hears((BOX, 0.5), (0, 0.5), (hello, 1.0), (0, 4.5))
        await one.until("audio-chunk")
        await one.hears((stop, 1.0), (0, 1.0))  # what is said without it is left alone
        await one.hears((BOX, 0.5), (0, 4.5))
        came = await one.until("detection")
        assert "transcript" not in kinds(came)
        assert kinds(came)[-4:] == ["handled", "handled-stop", "audio-stop", "detection"]
        await one.hears((stop, 1.0), (0, 4.5))
        came = await one.until("handled")
    assert [each.data["text"] for each in came if each.type == "transcript"] == ["never mind"]
    assert came[-1].data["text"] == "Very well."


async def test_a_satellite_with_a_wake_word_of_its_own(world: World) -> None:
    """It streams after the word, stops at the transcript, and is not heard before it has played the reply."""
    hello, bye = world.level("Hello there"), world.level("Good bye")
    async with satellite(world) as (one, _):
        await one.run(ASR, TTS, restart_on_end=True)
        await one.hears((hello, 1.0), (0, 4.5))
        came = await one.until("audio-stop")
        assert kinds(came)[:3] == ["voice-started", "voice-stopped", "transcript"]
        await one.hears((bye, 1.0), (0, 4.5))  # its own loudspeaker, perhaps
        await one.client.write_event(Played().event())
        await one.hears((0, 0.5), (hello, 1.0), (0, 4.5))
        came = await one.until("audio-stop")
    assert [each.data["text"] for each in came if each.type == "transcript"] == ["Hello there"]


async def test_who_says_nothing_is_told(world: World) -> None:
    async with satellite(world) as (one, _):
        await one.run(ASR, TTS)
        await one.hears((0, 11.0))
        came = await one.until("transcript")
        assert Error.from_event(came[0]).code == "audio_silent"
        assert Transcript.from_event(came[1]).text == ""
        await one.run(ASR, TTS)
        await send(one.client, b"", start=False)  # audio-stop
        assert kinds(await one.until("transcript")) == ["error", "transcript"]


async def test_the_satellite_may_say_that_all_was_said(world: World) -> None:
    hello = world.level("Hello there")
    async with satellite(world) as (one, _):
        await one.run(ASR, TTS)
        await one.hears((hello, 1.0))
        await send(one.client, b"", start=False)
        came = await one.until("audio-stop")
    assert [each.data["text"] for each in came if each.type == "transcript"] == ["Hello there"]
    assert [each.data["text"] for each in came if each.type == "handled"] == ["I heard you."]


async def test_it_goes_as_far_as_it_is_asked_to(world: World) -> None:
    hello = world.level("Hello there")
    async with satellite(world) as (one, _):
        await one.run(ASR, ASR)
        await one.hears((hello, 1.0), (0, 4.5))
        assert kinds(await one.until("transcript")) == ["voice-started", "voice-stopped", "transcript"]
        await one.run(ASR, HANDLE)
        await one.hears((hello, 1.0), (0, 4.5))
        came = await one.until("handled-stop")
        assert "audio-start" not in kinds(came)
        await one.run(HANDLE, TTS)
        await one.client.write_event(Transcript("Hello from elsewhere").event())
        came = await one.until("audio-stop")
        assert sound(came)
        await one.run(TTS, TTS, announce_text="Dinner is ready.")
        assert kinds(await one.until("audio-stop")) == ["audio-start", "audio-chunk", "audio-stop"]
    assert [len(job.messages) for job in world.llm.jobs if hasattr(job, "room")][-1] >= 4  # one conversation


async def test_a_pipeline_that_goes_backwards(world: World) -> None:
    async with satellite(world) as (one, _):
        plan = RunPipeline(ASR, TTS).event()
        plan.data["end_stage"] = "wake"
        await one.client.write_event(plan)
        assert Error.from_event((await one.until("error"))[-1]).code == "invalid_value"
        plan.data["end_stage"] = "nowhere"
        await one.client.write_event(plan)
        assert "end_stage" in Error.from_event((await one.until("error"))[-1]).text


async def test_after_a_while_a_new_conversation_begins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hello = world.level("Hello there")
    async with satellite(world) as (one, _):
        for forgotten in (300.0, 300.0, 0.0):
            monkeypatch.setattr("appliance.wyoming.pipeline.FORGOTTEN_SECONDS", forgotten)
            await one.run(ASR, TTS)
            await one.hears((hello, 1.0), (0, 4.5))
            await one.until("audio-stop")
    counts = [len(job.messages) for job in world.llm.jobs if hasattr(job, "room")]
    assert counts[-1] < max(counts)


async def test_what_was_said_is_remembered(world: World) -> None:
    hello = world.level("Hello there")
    async with satellite(world, keys=True) as (one, opened):
        await one.run(ASR, TTS)
        await one.hears((hello, 1.0), (0, 4.5))
        await one.until("audio-stop")
        key = await opened.box.keys.get(opened.box.settings.wyoming.key)
        speaker = opened.box.lines.speakers[0]
        with anyio.fail_after(20):
            kept: list[str] = []
            while len(kept) < 2:
                items = await opened.box.conversations.history(key.owner, speaker.conversation, 10)
                kept = [item.words for item in items]
    assert kept == ["Hello there", "I heard you."]


async def test_a_satellite_asks_for_its_wake_word_again_and_again(world: World) -> None:
    """As satellites do whose wake word the box hears for them: without audio-start, on one connection."""
    async with satellite(world) as (one, opened):
        for names in (["hey_box"], None):
            await one.client.write_event(Detect(names).event())
            await one.hears((BOX, 0.5), (0, 0.5))
            assert (await one.until("detection"))[-1].data["name"] == "hey_box"
        await one.client.write_event(Detect(["okay_box"]).event())
        await one.hears((BOX, 0.5), (0, 0.5))
        await send(one.client, b"", start=False)
        assert kinds(await one.until("not-detected")) == ["not-detected"]
    assert not opened.box.lines.speakers


async def test_the_end_of_the_box_waits_for_what_is_being_said_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr("appliance.wyoming.listener.LEAVE_SECONDS", 1000.0)
    hello = world.level("Hello there")
    async with satellite(world) as (idle, one), AsyncTcpClient("127.0.0.1", one.port) as other:
        await idle.run(WAKE, TTS)
        await idle.until("detect")
        busy = Satellite(other)
        await busy.run(ASR, HANDLE)
        await busy.hears((hello, 1.0), (0, 4.5))
        await busy.until("transcript")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.listener.leave)
            assert await idle.until() == []  # nobody waits for it
            assert (await busy.until("handled-stop"))[-1].type == "handled-stop"
            assert await busy.until() == []


async def test_what_cannot_be_understood_does_not_leave_the_microphone_open(world: World) -> None:
    hello = world.level("Hello there")
    world.stt.failing = [InternalError("The engine failed on this request.") for _ in range(20)]
    async with satellite(world) as (one, _):
        await one.run(WAKE, TTS)
        await one.until("detect")
        await one.hears((BOX, 0.5), (0, 0.5), (hello, 1.0), (0, 4.5))
        came = await one.until("detect")
        assert {"error", "transcript"} <= set(kinds(came))
        world.stt.failing.clear()
        await one.hears((hello, 1.0), (0, 4.5), (BOX, 0.5), (0, 0.5))
        came = await one.until("detection")
        assert "transcript" not in kinds(came)
        assert came[-1].type == "detection"


async def test_a_day_that_is_used_up_is_told_once(world: World) -> None:
    hello = world.level("Hello there")
    async with satellite(world, keys=True) as (one, opened):
        limits = {"audio_seconds_day": 1}
        key, _ = await opened.box.keys.create(user="home", name="little", role="user", limits=limits)
        opened.admission._key = key.id
        await one.run(ASR, TTS, restart_on_end=True)
        await one.hears((hello, 5.0), (0, 10.0))
        came = await one.until("transcript")
        assert [Error.from_event(each).code for each in came if Error.is_type(each.type)] == ["rate_limited"]
        await one.hears((hello, 5.0))
        await one.client.write_event(Ping().event())
        assert "error" not in kinds(await one.until("pong"))


async def test_silence_is_not_answered_however_it_ends(world: World) -> None:
    async with satellite(world) as (one, _):
        await one.run(ASR, TTS)
        await one.hears((0, 2.0))
        await send(one.client, b"", start=False)
        assert kinds(await one.until("transcript")) == ["error", "transcript"]
    assert not world.llm.jobs


async def test_what_was_broken_off_is_no_part_of_what_comes_next(world: World) -> None:
    first, second = world.level("Turn on"), world.level("Hello there")
    async with satellite(world) as (one, _):
        await one.run(ASR, TTS)
        await one.hears((first, 1.0))
        await one.until("voice-started")
        await one.run(ASR, TTS)
        await one.hears((second, 1.0), (0, 4.5))
        came = await one.until("transcript")
    assert came[-1].data["text"] == "Hello there"


async def test_a_streaming_satellite_begins_a_new_conversation_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    hello = world.level("Hello there")
    async with satellite(world) as (one, _):
        await one.run(WAKE, HANDLE)
        for forgotten in (300.0, 300.0, 0.0):
            monkeypatch.setattr("appliance.wyoming.pipeline.FORGOTTEN_SECONDS", forgotten)
            await one.hears((BOX, 0.5), (0, 1.0), (hello, 1.0), (0, 4.5))
            await one.until("handled-stop")
    counts = [len(job.messages) for job in world.llm.jobs if hasattr(job, "room")]
    assert counts[-1] < max(counts)


async def test_a_wake_word_that_nobody_knows(world: World) -> None:
    async with satellite(world) as (one, _):
        await one.run(WAKE, TTS, wake_word_names=["ok_box"])
        error = Error.from_event((await one.until("error"))[-1])
    assert (error.code, "ok_box" in error.text) == ("not_found", True)


async def test_a_key_that_ends_ends_what_waits_for_a_wake_word(world: World) -> None:
    async with satellite(world, keys=True) as (one, opened):
        await one.client.write_event(Detect().event())
        await one.hears((0, 1.0))
        await opened.box.keys.revoke(opened.box.settings.wyoming.key)
        await one.hears((0, 6.0))
        assert Error.from_event((await one.until("error"))[-1]).code == "invalid_api_key"
