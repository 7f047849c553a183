"""OpenAI's own client, unmodified, in a live conversation with the real models."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from caller import Caller, calling, speak, transcribe, words_of
from conftest import QUESTION, mostly

import appliance
from appliance.audio import wav
from appliance.dialogue.spoken_text import speakable
from appliance.probing.wrong_words import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

pytestmark = pytest.mark.long

PROBE = Path(appliance.__file__).with_name("probe.flac")
"""Somebody says "Good morning."."""
QUICK = {
    "audio": {"input": {"transcription": {"model": "whisper-1", "language": "en"}}},
    "max_output_tokens": 24,
    "temperature": 0,
}
WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather somewhere.",
    "parameters": {"type": "object", "properties": {"town": {"enum": ["Rome", "Oslo"]}}, "required": ["town"]},
}


def share(box: str, said: str, pcm: bytes) -> float:
    """How many of the words that are said are heard in `audio/pcm`."""
    words = set(words_of(said))
    return len(words & set(words_of(transcribe(box, wav(pcm, 24_000))))) / max(1, len(words))


@pytest.fixture(scope="module")
def talk(box: str) -> Callable[[Callable[[Caller], Coroutine[Any, Any, None]]], Caller]:
    """Runs a scene with a caller of the box."""

    def run(scene: Callable[[Caller], Coroutine[Any, Any, None]], **session: Any) -> Caller:
        async def call() -> Caller:
            async with calling(box, **{**QUICK, **session}) as caller:
                await scene(caller)
                return caller

        return asyncio.run(call())

    return run


def test_five_turns_with_a_call_and_an_interruption(box: str, talk: Any) -> None:
    first, second = speak(box, "Hello there, how are you today?"), speak(box, QUESTION)
    stop = speak(box, "Please stop, I have another question for you now.")

    async def scene(caller: Caller) -> None:
        connection = caller.connection
        # 1 and 2: spoken turns
        for number, question in enumerate((first, second), 1):
            await caller.say(question, 0.8)
            done = await caller.until("response.done", number)
            assert done.response.status == "completed" or done.response.status_details.reason == "max_output_tokens"
        # 3: a typed one, which calls a tool
        await connection.session.update(
            session={"type": "realtime", "tools": [WEATHER], "tool_choice": "required", "max_output_tokens": 200}
        )
        await caller.until("session.updated", 2)
        content = [{"type": "input_text", "text": "How is the weather in Rome?"}]
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await connection.response.create()
        called = (await caller.until("response.done", 3)).response.output[-1]
        assert called.type == "function_call"
        assert json.loads(called.arguments)["town"] in ("Rome", "Oslo")
        # 4: the tool's answer is spoken of
        await connection.session.update(
            session={"type": "realtime", "tools": [], "tool_choice": "auto", "max_output_tokens": 24}
        )
        output = {"type": "function_call_output", "call_id": called.call_id, "output": "Sunny, 25 degrees."}
        await connection.conversation.item.create(item=output)
        content = [{"type": "input_text", "text": "Now tell me a long story about a summer day in that town."}]
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await connection.response.create(response={"instructions": "Tell a long story.", "max_output_tokens": 160})
        # Three seconds: of that many words one may be heard wrongly.
        await caller.until("response.output_audio.delta", len(caller.all("response.output_audio.delta")) + 30)
        # 5: interrupted
        await caller.say(stop, 0.8)
        cancelled = await caller.until("response.done", 4)
        assert cancelled.response.status == "cancelled"
        assert cancelled.response.status_details.reason == "turn_detected"
        await caller.until("response.done", 5)
        kept = cancelled.response.output[0]
        await connection.conversation.item.retrieve(item_id=kept.id)
        retrieved = (await caller.until("conversation.item.retrieved")).item
        caller.kept = (cancelled.response.id, retrieved.content[0].transcript)  # type: ignore[attr-defined]

    caller = talk(scene)
    assert caller.protocol.quiet
    spoken = [event.transcript for event in caller.all("conversation.item.input_audio_transcription.completed")]
    assert "how are you" in spoken[0].lower()
    assert "another question" in spoken[2].lower()
    response_id, remembered = caller.kept
    sent = words_of(transcribe(box, wav(caller.audio(response_id), 24_000)))
    # What was sent begins with what is remembered, and reaches at most 0.4 s, a word or two, beyond it.
    told = words_of(speakable(remembered))
    assert min(errors(told, sent[: len(sent) - beyond]) for beyond in range(4)) <= len(told) / 3, (told, sent)
    assert len(caller.all("input_audio_buffer.speech_started")) == 3


def test_the_reply_can_be_heard(box: str, talk: Any) -> None:
    async def scene(caller: Caller) -> None:
        await caller.connection.response.create(
            response={
                "instructions": "Repeat the words of the user.",
                "input": [
                    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Good morning."}]}
                ],
                "conversation": "none",
            }
        )
        await caller.until("response.done")

    def heard() -> bool:
        caller = talk(scene)
        (done,) = caller.all("response.done")
        assert done.response.conversation_id is None
        assert not caller.all("conversation.item.added")
        said = done.response.output[0].content[0].transcript
        return share(box, said, caller.audio(done.response.id)) >= 0.7

    mostly(heard)


@pytest.mark.parametrize("form", ["audio/pcmu", "audio/pcma"])
def test_telephones_are_understood_and_answered(box: str, talk: Any, form: str) -> None:
    import numpy as np
    import soxr
    from faster_whisper.audio import decode_audio

    from appliance import g711

    law: g711.Law = "mu" if form == "audio/pcmu" else "a"
    # A recording: what the voice says is another take each time, and over a telephone one in many is misheard.
    recorded = decode_audio(str(PROBE), sampling_rate=8_000)
    coded = g711.encode((recorded * 32_767).astype(np.int16), law)
    silence = g711.encode(np.zeros(6400, dtype=np.int16), law)

    async def scene(caller: Caller) -> None:
        audio = {"input": {"format": {"type": form}}, "output": {"format": {"type": form}}}
        await caller.connection.session.update(session={"type": "realtime", "audio": audio})
        await caller.until("session.updated", 2)
        data = coded + silence
        for start in range(0, len(data), 1600):
            await caller.connection.input_audio_buffer.append(
                audio=base64.b64encode(data[start : start + 1600]).decode()
            )
        await caller.until("response.done")

    def heard() -> bool:
        caller = talk(scene)
        assert "morning" in caller.all("conversation.item.input_audio_transcription.completed")[0].transcript
        response = caller.all("response.done")[0].response
        back = g711.decode(caller.audio(response.id), law)
        wide = soxr.resample(back, 8_000, 24_000).astype("<i2").tobytes()
        return share(box, response.output[0].content[0].transcript, wide) >= 0.5

    mostly(heard)


def test_push_to_talk(box: str, talk: Any) -> None:
    audio: Any = {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}
    question = speak(box, "What is your name?", audio["input"])

    async def scene(caller: Caller) -> None:
        await caller.say(question)
        await caller.connection.input_audio_buffer.commit()
        await caller.connection.response.create()
        await caller.until("response.done")
        await caller.connection.input_audio_buffer.clear()
        await caller.until("input_audio_buffer.cleared")

    caller = talk(scene, audio=audio)
    assert not caller.all("input_audio_buffer.speech_started")
    assert "name" in caller.all("conversation.item.input_audio_transcription.completed")[0].transcript


def test_text_only(talk: Any) -> None:
    async def scene(caller: Caller) -> None:
        content = [{"type": "input_text", "text": "Say hello."}]
        await caller.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": content}
        )  # fmt: skip
        await caller.connection.response.create()
        await caller.until("response.done")

    caller = talk(scene, output_modalities=["text"])
    assert not caller.all("response.output_audio.delta")
    text = "".join(event.delta for event in caller.all("response.output_text.delta"))
    assert text == caller.all("response.done")[0].response.output[0].content[0].text
    assert text.strip()


def test_a_secret_begins_the_session_it_was_made_for(box: str) -> None:
    async def call() -> None:
        import openai

        async with openai.AsyncOpenAI(base_url=f"{box}/v1", api_key="none") as owner:
            session: Any = {"type": "realtime", "instructions": "Speak like a sailor."}
            made = await owner.realtime.client_secrets.create(session=session)
        assert made.value.startswith("ek_")
        async with (
            openai.AsyncOpenAI(base_url=f"{box}/v1", api_key=made.value) as browser,
            browser.realtime.connect(model="gpt-realtime") as connection,
        ):
            created: Any = await connection.recv()
            assert created.session.instructions == "Speak like a sailor."
        async with (
            openai.AsyncOpenAI(base_url=f"{box}/v1", api_key="ek_wrong") as stranger,
            stranger.realtime.connect(model="gpt-realtime") as connection,
        ):
            refused: Any = await connection.recv()
            assert refused.type == "error"

    asyncio.run(call())


def test_a_transcription_session(box: str, talk: Any) -> None:
    words = speak(box, "The quick brown fox jumps over the lazy dog.")

    async def scene(caller: Caller) -> None:
        await caller.connection.session.update(session={"type": "transcription"})
        await caller.until("session.updated", 2)
        await caller.say(words, 0.8)
        await caller.until("conversation.item.input_audio_transcription.completed")

    caller = talk(scene)
    (done,) = caller.all("conversation.item.input_audio_transcription.completed")
    assert "brown fox" in done.transcript
    deltas = caller.all("conversation.item.input_audio_transcription.delta")
    assert words_of("".join(event.delta for event in deltas)) == words_of(done.transcript)
    assert not caller.all("response.created")
