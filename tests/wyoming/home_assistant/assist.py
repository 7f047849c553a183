"""Home Assistant with its own Wyoming integration, in an environment of its own, at a box: what happened, as JSON.

`assist.py WHAT --port PORT FOLDER` in `.homeassistant`, where WHAT is `all` with `--speech` and `--wake`, or `talk`,
or `death` with `--speech` and `--process`, for a box that dies. It needs nothing of the appliance's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
import wave
from array import array
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pymicro_vad
from homeassistant import loader
from homeassistant.auth import auth_manager_from_config
from homeassistant.bootstrap import async_load_base_functionality
from homeassistant.components import assist_pipeline, conversation, stt, tts, wake_word
from homeassistant.config_entries import SOURCE_USER, SOURCE_ZEROCONF, ConfigEntries
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from homeassistant.setup import async_setup_component
from homeassistant.util import language

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST: Final = "127.0.0.1"
DOMAINS: Final = ("stt", "tts", "conversation", "wake_word")
SECONDS: Final = 120
"""For all that the box is asked."""
CHUNK: Final = 320
"""Bytes of 10 ms."""
LANGUAGE: Final = "en"
ASKED: Final = ("My cat is called Tom.", "What is my cat called?")
SAID: Final = "The weather is fine in the garden today."
METADATA: Final = stt.SpeechMetadata(
    LANGUAGE, stt.AudioFormats.WAV, stt.AudioCodecs.PCM, stt.AudioBitRates.BITRATE_16,
    stt.AudioSampleRates.SAMPLERATE_16000, stt.AudioChannels.CHANNEL_MONO,
)  # fmt: skip

# Home Assistant wants an edition that has no wheel for each Python; the next one calls this by another name.
if not hasattr(pymicro_vad.MicroVad, "Process10ms"):
    pymicro_vad.MicroVad.Process10ms = pymicro_vad.MicroVad.process_10ms


def free_port() -> int:
    with socket.socket() as held:
        held.bind((HOST, 0))
        return int(held.getsockname()[1])


def samples(file: Path) -> bytes:
    with wave.open(str(file), "rb") as recording:
        form = recording.getframerate(), recording.getsampwidth(), recording.getnchannels()
        assert form == (16_000, 2, 1), form
        return recording.readframes(recording.getnframes())


async def heard(pcm: bytes) -> AsyncIterator[bytes]:
    """What a microphone hears: words, then silence until nobody listens any more."""
    for start in range(0, len(pcm) - CHUNK, CHUNK):
        yield pcm[start : start + CHUNK]
    while True:
        await asyncio.sleep(CHUNK / 32_000)
        yield bytes(CHUNK)


async def spoken(pcm: bytes) -> AsyncIterator[bytes]:
    """A recording, which ends."""
    for start in range(0, len(pcm), CHUNK):
        yield pcm[start : start + CHUNK]


async def timed(pcm: bytes) -> AsyncIterator[tuple[bytes, int]]:
    at = 0
    async for chunk in heard(pcm):
        yield chunk, at
        at += 10


async def deadly(pcm: bytes, process: int) -> AsyncIterator[bytes]:
    """In the middle of which the box is gone."""
    at = 0
    async for chunk in heard(pcm):
        if at == len(pcm) // CHUNK // 2:
            os.kill(process, signal.SIGKILL)
        at += 1
        yield chunk


async def started(folder: Path, port: int) -> HomeAssistant:
    """Home Assistant as it comes, but for what has nothing to do with Assist."""
    hass = HomeAssistant(str(folder))
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await async_load_base_functionality(hass)
    hass.auth = await auth_manager_from_config(hass, [], [])
    config = {"http": {"server_host": HOST, "server_port": port}}
    for component in ("homeassistant", "http", "assist_pipeline", "wyoming"):
        assert await async_setup_component(hass, component, config), component
    await hass.async_start()
    return hass


class House:
    """One Home Assistant, and the box that it was told of."""

    def __init__(self, hass: HomeAssistant, folder: Path, port: int, box: int) -> None:
        self.hass, self.folder, self.port, self.box = hass, folder, port, box
        self.entities: dict[str, str] = {}

    async def settle(self) -> None:
        await self.hass.async_block_till_done()
        self.entities = {domain: name for domain in DOMAINS for name in self.hass.states.async_entity_ids(domain)
                         if name != "conversation.home_assistant"}  # fmt: skip

    async def found(self) -> dict[str, Any]:
        """Set the box up as it is found in the network."""
        where = ip_address(HOST)
        told = ZeroconfServiceInfo(
            ip_address=where, ip_addresses=[where], port=self.box, hostname="box.local.", type="_wyoming._tcp.local.",
            name="box._wyoming._tcp.local.", properties={},
        )  # fmt: skip
        flow = self.hass.config_entries.flow
        result: dict[str, Any] = await flow.async_init("wyoming", context={"source": SOURCE_ZEROCONF}, data=told)
        if result["type"] == "form":
            result = await flow.async_configure(result["flow_id"], {})
        await self.settle()
        return result

    async def typed(self) -> dict[str, Any]:
        """Set the box up as somebody types where it is."""
        flow = self.hass.config_entries.flow
        form = await flow.async_init("wyoming", context={"source": SOURCE_USER})
        given = {"host": HOST, "port": self.box}
        result: dict[str, Any] = await flow.async_configure(form["flow_id"], given)
        await self.settle()
        return result

    async def set_up(self) -> dict[str, Any]:
        """Both ways, one after the other: what came of them."""
        found = await self.found()
        seen = {"found": {"type": found["type"], "title": found.get("title"), "entities": self.entities}}
        await self.hass.config_entries.async_remove(found["result"].entry_id)
        await self.settle()
        seen["removed"] = {"entities": self.entities}
        typed = await self.typed()
        seen["typed"] = {"type": typed["type"], "title": typed.get("title"), "entities": self.entities}
        seen["state"] = typed["result"].state.value
        again = await self.found()
        seen["again"] = {"type": again["type"], "reason": again.get("reason")}
        return seen

    async def hear(self, pcm: bytes) -> dict[str, Any]:
        entity = stt.async_get_speech_to_text_entity(self.hass, self.entities["stt"])
        result = await entity.internal_async_process_audio_stream(METADATA, spoken(pcm))
        return {"result": result.result.value, "text": result.text}

    async def say(self, text: str, **options: str) -> dict[str, Any]:
        """A sentence as a speaker gets it: the file's name, or why there is none."""
        engine = self.entities["tts"]
        known = tts.get_engine_instance(self.hass, engine).supported_languages
        (spoken_language, *_) = language.matches(LANGUAGE, known)
        stream = tts.async_create_stream(self.hass, engine, spoken_language, {"preferred_format": "wav", **options})
        stream.async_set_message(text)
        try:
            sound = b"".join([part async for part in stream.async_stream_result()])
        except HomeAssistantError as error:
            return {"error": str(error)}
        return self.kept("said.wav", sound)

    async def ask(self, text: str, given: str | None) -> dict[str, Any]:
        agent = self.entities["conversation"]
        result = await conversation.async_converse(self.hass, text, given, Context(), language=LANGUAGE, agent_id=agent)
        answer = result.as_dict()
        return {
            "type": answer["response"]["response_type"],
            "speech": answer["response"]["speech"].get("plain", {}).get("speech", ""),
            "conversation": answer["conversation_id"],
        }

    async def talk(self) -> list[dict[str, Any]]:
        """Two questions in one conversation."""
        first = await self.ask(ASKED[0], None)
        return [first, await self.ask(ASKED[1], first["conversation"])]

    async def wait_for_name(self, pcm: bytes) -> dict[str, Any]:
        entity = wake_word.async_get_wake_word_detection_entity(self.hass, self.entities["wake_word"])
        known = [word.id for word in await entity.get_supported_wake_words()]
        result = await entity.async_process_audio_stream(timed(pcm), None)
        return {"known": known, "heard": result and result.wake_word_id, "phrase": result and result.wake_word_phrase}

    async def run(self, stream: AsyncIterator[bytes]) -> list[dict[str, Any]]:
        """A whole Assist pipeline: its events."""
        stt_engine, tts_engine = self.entities["stt"], self.entities["tts"]
        pipeline = await assist_pipeline.async_create_default_pipeline(self.hass, stt_engine, tts_engine, "Box")
        assert pipeline is not None, "no languages that fit"
        agent = self.entities["conversation"]
        await assist_pipeline.async_update_pipeline(self.hass, pipeline, conversation_engine=agent)
        events: list[dict[str, Any]] = []
        await assist_pipeline.async_pipeline_from_audio_stream(
            self.hass,
            context=Context(),
            event_callback=lambda event: events.append({"type": str(event.type), "data": event.data or {}}),
            stt_metadata=METADATA,
            stt_stream=stream,
            pipeline_id=pipeline.id,
            tts_audio_output={"preferred_format": "wav"},
        )
        return events

    async def fetch(self, path: str) -> dict[str, Any]:
        """What a speaker gets at an address of Home Assistant's."""
        async with async_get_clientsession(self.hass).get(f"http://{HOST}:{self.port}{path}") as answer:
            sound = await answer.read()
            return {"status": answer.status, "type": answer.content_type, **self.kept("answered.wav", sound)}

    def kept(self, name: str, sound: bytes) -> dict[str, Any]:
        file = self.folder / name
        file.write_bytes(sound)
        with wave.open(str(file), "rb") as recording:
            pcm = array("h", recording.readframes(recording.getnframes()))
            seconds = len(pcm) / recording.getframerate()
        return {"file": str(file), "seconds": seconds, "loudest": max(map(abs, pcm), default=0)}


async def at_work(house: House, speech: bytes, wake: bytes) -> dict[str, Any]:
    """All that Assist asks of a box."""
    seen: dict[str, Any] = {"hear": await house.hear(speech), "say": await house.say(SAID)}
    seen["ask"] = await house.talk()
    seen["run"] = events = await house.run(heard(speech))
    ended = [event["data"]["tts_output"]["url"] for event in events if event["type"] == "tts-end"]
    seen["fetched"] = await house.fetch(ended[0]) if ended else None
    seen["wake"] = await house.wait_for_name(wake)
    seen["nobody"] = await house.say(SAID, voice="nobody")
    seen["after"] = await house.hear(speech)
    return seen


async def bereft(house: House, speech: bytes, process: int) -> dict[str, Any]:
    """Of a box that dies while it listens, and is not there after it."""
    return {
        "run": await house.run(deadly(speech, process)),
        "hear": await house.hear(speech),
        "say": await house.say(SAID),
        "ask": await house.ask(ASKED[0], None),
    }


async def main(given: argparse.Namespace) -> dict[str, Any]:
    port = free_port()
    hass = await started(given.folder, port)
    house = House(hass, given.folder, port, given.port)
    try:
        async with asyncio.timeout(SECONDS):
            seen: dict[str, Any] = {"set_up": await house.set_up()}
            match given.what:
                case "all":
                    seen |= await at_work(house, samples(given.speech), samples(given.wake))
                case "talk":
                    seen["ask"] = await house.talk()
                case "death":
                    seen |= await bereft(house, samples(given.speech), given.process)
    finally:
        await hass.async_stop(force=True)
    return seen


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("all", "talk", "death"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--speech", type=Path)
    parser.add_argument("--wake", type=Path)
    parser.add_argument("--process", type=int)
    parser.add_argument("folder", type=Path)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    print(json.dumps(asyncio.run(main(parser.parse_args())), default=str))
