"""The Wyoming door of a real box, with the client classes of Wyoming's own library and real models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import httpx
import psutil
import pytest
from conftest import descriptors, until
from door import Client, answers, kinds, recording, send, sound, speak, spoken, words, wyoming_box
from wyoming.asr import Transcribe, Transcript
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.handle import Handled, HandledChunk
from wyoming.info import Describe, Info, SelectProgram
from wyoming.ping import Ping, Pong
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice
from wyoming.wake import Detect, Detection

from appliance.audio import wav

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SENTENCES = (
    "This is the first sentence of three. ", "It is followed by a second one, which is longer. ", "And here is a third."
)  # fmt: skip
CONTEXT = {"conversation_id": "01JD3VVXQ5E3M8Z4Y6T2K9B7NA"}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, int]]:
    with wyoming_box(tmp_path_factory.mktemp("wyoming") / "log") as found:
        yield found


@pytest.fixture(scope="module")
def url(box: tuple[str, int, int]) -> str:
    return box[0]


@pytest.fixture
def client(box: tuple[str, int, int]) -> AsyncTcpClient:
    return AsyncTcpClient("127.0.0.1", box[1])


async def test_it_says_what_is_there(client: AsyncTcpClient, url: str) -> None:
    async with client:
        await client.write_event(Describe().event())
        (event,) = await answers(client, "info")
    info = Info.from_event(event)
    models = {each["id"]: each for each in httpx.get(f"{url}/v1/models").json()["data"]}
    assert [models[model.name]["role"] for model in info.asr[0].models] == ["stt"]
    assert {"en", "de", "fr"} <= set(info.asr[0].models[0].languages)
    assert info.asr[0].supports_transcript_streaming
    assert not info.asr[0].requires_external_vad
    spoken = models["en_US-joe-medium"]
    assert [(voice.name, voice.languages) for voice in info.tts[0].voices] == [("joe", spoken["languages"])]
    assert info.tts[0].supports_synthesize_streaming
    assert [models[model.name]["role"] for model in info.handle[0].models] == ["llm"]
    assert info.handle[0].supports_handled_streaming
    assert {"hey_jarvis", "okay_nabu"} <= {word.name for word in info.wake[0].models}
    assert all(each.installed for each in (*info.asr, *info.tts, *info.handle, *info.wake))


async def test_it_answers_pings_and_its_own_name(client: AsyncTcpClient) -> None:
    async with client:
        await client.write_event(Describe().event())
        info = Info.from_event((await answers(client, "info"))[0])
        await client.write_event(SelectProgram(info.tts[0].name).event())
        await client.write_event(Event("an-event-of-tomorrow", {"x": 1}))
        await client.write_event(Ping("still there?").event())
        assert Pong.from_event((await answers(client, "pong"))[0]).text == "still there?"
        await client.write_event(SelectProgram("somebody else").event())
        error = Error.from_event((await answers(client, "error"))[0])
    assert error.code == "not_found"


async def test_a_recording_is_heard(client: AsyncTcpClient, recorded: Path) -> None:
    async with client:
        await client.write_event(Transcribe(language="en").event())
        await send(client, recording(recorded / "spk1_snt1.wav"))
        came = await answers(client, "transcript-stop")
        assert kinds(came) == ["transcript-start", "transcript-chunk", "transcript", "transcript-stop"]
        heard = Transcript.from_event(came[-2])
        assert words(heard.text) == ["the", "child", "almost", "hurt", "the", "small", "dog"]
        assert "".join(each.data["text"] for each in came if each.type == "transcript-chunk") == heard.text
        await send(client, recording(recorded / "spk1_snt2.wav"))  # on the same connection, and without `transcribe`
        again = Transcript.from_event((await answers(client, "transcript"))[-1])
    assert words(again.text) == ["drop", "the", "two", "when", "you", "add", "the", "figures"]


async def test_first_words_come_before_the_audio_stops(box: tuple[str, int, int]) -> None:
    """To a client that says itself when all was said: the box might take a pause for the end."""
    url, port, _ = box
    text = "The quick brown fox jumps over the lazy dog and then goes home to sleep for a very long time."
    async with Client(port, "1.9.0") as client:
        await client.write_event(Transcribe(language="en").event())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(speak, client, spoken(url, text))
            first = await answers(client, "transcript-chunk")
            assert kinds(first) == ["transcript-start", "transcript-chunk"]
            assert set(words(first[-1].data["text"])) & set(words(text))
        await send(client, b"", start=False)
        rest = await answers(client, "transcript-stop")
    heard = words(Transcript.from_event(rest[-2]).text)
    assert len(set(heard) & set(words(text))) > len(set(words(text))) * 0.7


async def test_the_box_notices_the_end_by_itself(client: AsyncTcpClient, url: str) -> None:
    """At the pace of somebody who speaks: then no audio-stop is needed."""
    async with client, anyio.create_task_group() as tasks:
        tasks.start_soon(speak, client, spoken(url, "What time is it?", before=0.3, after=3.0))
        came = await answers(client, "transcript-stop")
        tasks.cancel_scope.cancel()
    assert {"what", "time"} <= set(words(Transcript.from_event(came[-2]).text))


async def test_silence_has_no_words(client: AsyncTcpClient) -> None:
    async with client:
        await send(client, bytes(32_000))
        came = await answers(client, "transcript-stop")
    assert [each.data for each in came if each.type == "transcript"] == [{"text": ""}]


async def test_first_sound_leaves_before_the_second_sentence_was_sent(client: AsyncTcpClient, url: str) -> None:
    async with client:
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeChunk(SENTENCES[0]).event())
        first = await answers(client, "audio-chunk")
        assert kinds(first) == ["audio-start", "audio-chunk"]
        for sentence in SENTENCES[1:]:
            await client.write_event(SynthesizeChunk(sentence).event())
        await client.write_event(Synthesize("".join(SENTENCES)).event())  # for older servers: not said again
        await client.write_event(SynthesizeStop().event())
        rest = await answers(client, "synthesize-stopped")
    assert kinds(rest) == ["audio-chunk", "audio-stop", "synthesize-stopped"]
    pcm, rate = sound(first + rest), first[0].data["rate"]
    files = {"file": ("a.wav", wav(pcm, rate))}
    heard = httpx.post(f"{url}/v1/audio/transcriptions", files=files, timeout=60).json()["text"]
    said = words(" ".join(SENTENCES))
    assert len(words(heard)) in range(len(said) - 2, len(said) + 3)
    assert {"first", "second", "third"} <= set(words(heard))


async def test_a_text_is_said_in_a_voice_or_a_language(client: AsyncTcpClient) -> None:
    async with client:
        for voice in (None, SynthesizeVoice("joe"), SynthesizeVoice(language="en_US"), SynthesizeVoice(language="en")):
            await client.write_event(Synthesize("Hello.", voice).event())
            came = await answers(client, "audio-stop", "error")
            assert kinds(came) == ["audio-start", "audio-chunk", "audio-stop"]
        await client.write_event(Synthesize("Hello.", SynthesizeVoice("nobody")).event())
        error = Error.from_event((await answers(client, "error"))[-1])
        await client.write_event(Synthesize("  ").event())
        other = Error.from_event((await answers(client, "error"))[-1])
    assert (error.code, other.code) == ("voice_not_found", "text_empty")
    assert "joe" in error.text


async def test_it_answers_and_remembers(client: AsyncTcpClient, url: str) -> None:
    async with client:
        await client.write_event(Transcript("My name is Anna. What is the sky?", context=CONTEXT).event())
        came = await answers(client, "handled-stop")
        assert kinds(came) == ["handled-start", "handled-chunk", "handled", "handled-stop"]
        reply = Handled.from_event(came[-2])
        chunks = "".join(HandledChunk.from_event(each).text for each in came if HandledChunk.is_type(each.type))
        assert reply.text
        assert (chunks.strip(), reply.context) == (reply.text, CONTEXT)
        await client.write_event(Transcript("And the grass?", context=CONTEXT).event())
        second = Handled.from_event((await answers(client, "handled"))[-1])
    kept = httpx.get(f"{url}/v1/conversations/{CONTEXT['conversation_id']}/items", params={"order": "asc"}).json()
    said = [part["text"] for item in kept["data"] for part in item["content"]]
    assert said == ["My name is Anna. What is the sky?", reply.text, "And the grass?", second.text]
    turn = httpx.get(f"{url}/v1/turns").json()["data"][0]
    assert (turn["door"], turn["outcome"]) == ("wyoming", "completed")


async def test_what_cannot_be_answered_is_said(client: AsyncTcpClient) -> None:
    async with client:
        await client.write_event(Transcript("Hello", context={"conversation_id": "no such id!"}).event())
        came = await answers(client, "not-handled")
    assert [(each.type, each.data.get("code")) for each in came] == [("error", "invalid_value"), ("not-handled", None)]


async def test_a_wake_word_is_heard(client: AsyncTcpClient, url: str) -> None:
    async with client:
        await client.write_event(Detect(["hey_jarvis", "alexa"]).event())
        await send(client, spoken(url, "Hey Jarvis.", before=2.0, after=1.0), stop=False)
        assert Detection.from_event((await answers(client, "detection"))[-1]).name == "hey_jarvis"
        await send(client, b"", start=False)
        await client.write_event(Detect(["okay_nabu"]).event())
        await send(client, spoken(url, "Good morning, everybody.", before=1.0, after=1.0))
        assert kinds(await answers(client, "not-detected")) == ["not-detected"]
        await client.write_event(Detect(["open_sesame"]).event())
        await send(client, spoken(url, "Open sesame."))
        assert Error.from_event((await answers(client, "error"))[-1]).code == "not_found"


async def test_a_whole_pipeline(client: AsyncTcpClient, url: str) -> None:
    """From the wake word to the reply's sound, and once more without it; and a word of the box's own."""
    async with client:
        await client.write_event(RunPipeline(PipelineStage.WAKE, PipelineStage.TTS).event())
        assert kinds(await answers(client, "detect")) == ["detect"]
        await send(client, spoken(url, "Hey Jarvis.", before=2.0, after=0.5), stop=False)
        assert (await answers(client, "detection"))[-1].data["name"] == "hey_jarvis"
        await send(client, spoken(url, "What is the sky?", before=0.5, after=4.5), start=False, stop=False)
        came = await answers(client, "audio-stop", "error")
        found = kinds(came)
        assert found[:3] == ["voice-started", "voice-stopped", "transcript"]
        assert found[-1] == "audio-stop"
        assert {"handled-start", "handled-chunk", "handled", "handled-stop", "audio-start", "audio-chunk"} <= set(found)
        assert "sky" in words(next(each for each in came if each.type == "transcript").data["text"])
        assert len(sound(came)) > 24_000
        assert kinds(await answers(client, "detect")) == ["detect"]  # it waits for the wake word again
        await client.write_event(RunPipeline(PipelineStage.ASR, PipelineStage.ASR).event())
        await send(client, spoken(url, "Good morning, everybody.", before=0.5), start=False)
        heard = Transcript.from_event((await answers(client, "transcript"))[-1])
        assert "morning" in words(heard.text)
        plan = RunPipeline(PipelineStage.TTS, PipelineStage.TTS, announce_text="Dinner is ready.")
        await client.write_event(plan.event())
        assert kinds(await answers(client, "audio-stop")) == ["audio-start", "audio-chunk", "audio-stop"]
    live = httpx.get(f"{url}/v1/turns").json()["data"]
    assert [turn["outcome"] for turn in live if turn["door"] == "realtime"] == ["completed"]


async def test_who_leaves_is_worked_for_no_more(box: tuple[str, int, int]) -> None:
    url, port, pid = box
    before = psutil.Process(pid).num_fds()
    for _ in range(3):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Synthesize(" ".join(SENTENCES * 20)).event())
            await answers(client, "audio-chunk")
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Transcript("Tell me a very long story.").event())
            await answers(client, "handled-chunk")
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await send(client, spoken(url, "I have not finished"), stop=False)

    def quiet() -> bool:
        stages = httpx.get(f"{url}/health/ready").json()["stages"]
        figures = httpx.get(f"{url}/metrics").text
        return not any(each["in_flight"] for each in stages.values()) and 'wyoming_open{side="client"} 0.0' in figures

    until(quiet)
    assert descriptors(psutil.Process(pid), before) <= before
    figures = httpx.get(f"{url}/metrics").text
    assert 'appliance_wyoming_requests_total{kind="tts",outcome="abandoned"} 3.0' in figures


async def test_many_at_once(box: tuple[str, int, int], recorded: Path) -> None:
    pcm, heard = recording(recorded / "spk1_snt1.wav"), list[str]()

    async def one() -> None:
        async with AsyncTcpClient("127.0.0.1", box[1]) as client:
            await client.write_event(Transcribe(language="en").event())
            await send(client, pcm)
            heard.append(Transcript.from_event((await answers(client, "transcript"))[-1]).text)
            await client.write_event(Synthesize("Hello.").event())
            assert (await answers(client, "audio-stop"))[-1].type == "audio-stop"

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(one)
    assert [words(each) for each in heard] == [["the", "child", "almost", "hurt", "the", "small", "dog"]] * 8


async def test_older_clients_are_left_with_their_error(box: tuple[str, int, int]) -> None:
    """They do not know `error`, and would wait for ever."""
    stream = await anyio.connect_tcp("127.0.0.1", box[1])
    async with stream:
        await stream.send(
            b'{"type": "synthesize", "version": "1.5.4", "data": {"text": "Hi", "voice": {"name": "x"}}}\n'
        )
        came = b""
        with anyio.fail_after(20):
            async for piece in stream:
                came += piece
    line, data = came.split(b"\n", 1)
    assert json.loads(line)["type"] == "error"
    assert json.loads(data)["code"] == "voice_not_found"
