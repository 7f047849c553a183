"""What of a stretch of audio is understood, when, and how often. Simulated stages: a level of sound is some words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import numpy as np
import pytest
from anyio.lowlevel import checkpoint
from door import RATE, Client, answers, kinds, send
from scripted_door import door
from simulated import World
from wyoming.asr import Transcribe, Transcript
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice
from wyoming.version import __version__

from appliance.jobs import Understand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scripted_door import Door


def sounds(*parts: tuple[int, float]) -> bytes:
    """Levels, each for so many seconds."""
    return b"".join(np.full(int(seconds * RATE), level, dtype="<i2").tobytes() for level, seconds in parts)


async def heard(one: Door, pieces: Sequence[bytes], version: str = __version__) -> str:
    """The transcript of all pieces."""
    async with Client(one.port, version) as client:
        for number, piece in enumerate(pieces):
            await send(client, piece, start=not number, stop=False)
        await send(client, b"", start=False)
        return Transcript.from_event((await answers(client, "transcript", "error"))[-1]).text


async def test_what_was_begun_at_the_last_pause_is_taken() -> None:
    world = World()
    hello = world.level("Hello there")
    async with door(world) as one, AsyncTcpClient("127.0.0.1", one.port) as client:
        await send(client, sounds((hello, 1.0), (0, 0.4)), stop=False)
        with anyio.fail_after(20):
            while not [job for job in world.stt.jobs if getattr(job, "priority", "") != "background"]:
                await checkpoint()
        await send(client, b"", start=False)
        text = Transcript.from_event((await answers(client, "transcript"))[-1]).text
    asked = [job for job in world.stt.jobs if isinstance(job, Understand) and job.priority != "background"]
    assert (text, len(asked)) == ("Hello there", 1)


async def test_what_came_after_the_pause_is_heard_too() -> None:
    world = World()
    first, second = world.level("Hello there"), world.level("my friend")
    async with door(world) as one:
        assert await heard(one, [sounds((first, 1.0), (0, 0.5), (second, 1.0))]) == "Hello there my friend"


@pytest.mark.parametrize("version", ["1.5.4", __version__])
async def test_pauses_of_a_recording_end_nothing(version: str) -> None:
    """Nor does the box end anything for a client that would not read it."""
    world = World()
    first, second = world.level("Hello there"), world.level("my friend")
    world.ends = [0.99, 0.99]
    async with door(world) as one:
        pieces = [sounds((first, 1.0), (0, 5.0)), sounds((second, 1.0), (0, 5.0))]
        assert await heard(one, pieces, version) == "Hello there my friend"


async def test_where_the_client_is_to_say_so_the_box_waits() -> None:
    world = World()
    first, second = world.level("Hello there"), world.level("my friend")
    async with door(world, endpointing="client") as one:
        assert await heard(one, [sounds((first, 1.0), (0, 5.0), (second, 1.0))]) == "Hello there my friend"


async def test_silence_and_noise_are_no_words() -> None:
    world = World()
    async with door(world) as one:
        assert await heard(one, [sounds((0, 2.0))]) == ""
        assert not world.stt.jobs
        assert await heard(one, [sounds((9000, 0.5), (0, 1.0))]) == ""  # of no known level


async def test_a_language_that_nobody_knows() -> None:
    async with door() as one, AsyncTcpClient("127.0.0.1", one.port) as client:
        await client.write_event(Transcribe(language="klingon").event())
        await send(client, sounds((0, 0.1)))
        error = Error.from_event((await answers(client, "error"))[-1])
    assert (error.code, "klingon" in error.text) == ("invalid_value", True)


async def test_a_day_has_only_so_much_audio() -> None:
    async with door(keys=True) as one:
        key, _ = await one.box.keys.create(
            user="home", name="little", role="user", limits={"audio_seconds_day": 1}
        )  # fmt: skip
        one.admission._key = key.id
        assert await heard(one, [sounds((0, 3.0))]) == ""
        async with AsyncTcpClient("127.0.0.1", one.port) as client:
            await send(client, sounds((0, 0.1)))
            assert Error.from_event((await answers(client, "error"))[-1]).code == "rate_limited"


async def test_where_the_box_is_to_notice_the_end_silence_has_one_too() -> None:
    async with door(endpointing="box") as one, AsyncTcpClient("127.0.0.1", one.port) as client:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("appliance.wyoming.hearing.SILENT_SECONDS", 0.5)
            await send(client, sounds((0, 0.9)), stop=False)  # and no audio-stop
            assert Transcript.from_event((await answers(client, "transcript"))[-1]).text == ""


async def test_the_rest_of_a_text_that_could_not_be_spoken_is_no_request() -> None:
    async with door() as one, AsyncTcpClient("127.0.0.1", one.port) as client:
        await client.write_event(SynthesizeStart(SynthesizeVoice("nobody")).event())
        for event in (SynthesizeChunk("Hello."), Synthesize("Hello."), SynthesizeStop(), Synthesize("Good bye.")):
            await client.write_event(event.event())
        came = await answers(client, "audio-stop")
    assert kinds(came) == ["error", "audio-start", "audio-chunk", "audio-stop"]
