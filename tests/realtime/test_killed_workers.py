"""Workers that are killed in the middle of a live conversation: it goes on, and no word of it is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from caller import at_24k, calling
from conftest import serving, wait_ready

if TYPE_CHECKING:
    from collections.abc import Iterator

    from caller import Caller

SESSION: dict[str, Any] = {
    "audio": {"input": {"transcription": {"model": "whisper-1", "language": "en"}}},
    "max_output_tokens": 8,
}
FIRST = int(1.2 * 24_000) * 2
"""Bytes of the question that are said before the worker dies: some words of it."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[psutil.Process, str]]:
    with serving(tmp_path_factory.mktemp("server") / "log") as (process, url):
        yield psutil.Process(process.pid), url


def kill(server: psutil.Process, role: str) -> None:
    (worker,) = [child for child in server.children() if role in child.cmdline()]
    worker.kill()


def completed(caller: Caller) -> list[Any]:
    """Responses that reached their end, or the end of what they may say."""
    return [
        done.response for done in caller.all("response.done") if done.response.status in ("completed", "incomplete")
    ]


@pytest.mark.parametrize("role", ["turn", "stt", "llm", "tts"])
def test_a_turn_survives(server: tuple[psutil.Process, str], question: bytes, role: str) -> None:
    process, url = server
    wait_ready(url)
    pcm = at_24k(question)

    async def scene() -> Caller:
        async with calling(url, **SESSION) as caller:
            caller.forgiven = {"engine_down"} if role == "turn" else set()  # clients are told that nobody listens
            await caller.say(pcm[:FIRST])
            await caller.until("input_audio_buffer.speech_started")
            kill(process, role)
            await caller.say(pcm[FIRST:], 0.8)
            await caller.until("response.done")
            await caller.say(pcm, 0.8)
            await caller.until("response.done", 2)
            return caller

    caller = asyncio.run(scene())
    assert len(completed(caller)) == 2
    said = [event.transcript.lower() for event in caller.all("conversation.item.input_audio_transcription.completed")]
    assert len(said) == 2
    for text in said:
        assert "the sky is blue" in text
        assert "the grass is green" in text
