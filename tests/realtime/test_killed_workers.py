"""Workers that are killed in the middle of a live conversation: it goes on, and no word of it is lost."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from caller import calling, speak, words_of
from conftest import QUESTION, serving, wait_ready

if TYPE_CHECKING:
    from collections.abc import Iterator

    from caller import Caller

pytestmark = pytest.mark.long

SESSION: dict[str, Any] = {
    "audio": {"input": {"transcription": {"model": "whisper-1", "language": "en"}}},
    "max_output_tokens": 8,
}
FIRST = int(1.2 * 24_000) * 2
"""Bytes of the question that are said before the worker dies: some words of it."""
PATIENT = """\
import sys

if "serve" in sys.orig_argv:
    from appliance.voice.live import patience

    patience.PATIENCE_SECONDS = 60.0
"""
"""What every Python of the server runs as it starts."""
PATIENCE_SECONDS = 90
"""Longest wait of a client."""


@pytest.fixture(scope="module", params=["everyday", pytest.param("soak", marks=pytest.mark.soak)])
def server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[tuple[psutil.Process, str]]:
    folder = tmp_path_factory.mktemp("server")
    environ: dict[str, str] = {}
    if request.param == "everyday":  # the product's own figure is right for a box that has its machine to itself
        (folder / "sitecustomize.py").write_text(PATIENT)
        environ["PYTHONPATH"] = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    with serving(folder / "log", **environ) as (process, url):
        yield psutil.Process(process.pid), url


@pytest.fixture(scope="module")
def asked(server: tuple[psutil.Process, str]) -> bytes:
    """The question as `audio/pcm`: a take that this server hears right while all its workers live."""
    return speak(server[1], QUESTION)


def kill(server: psutil.Process, role: str) -> None:
    (worker,) = [child for child in server.children() if role in child.cmdline()]
    worker.kill()


def completed(caller: Caller) -> list[Any]:
    """Responses that reached their end, or the end of what they may say."""
    return [
        done.response for done in caller.all("response.done") if done.response.status in ("completed", "incomplete")
    ]


@pytest.mark.parametrize("role", ["turn", "stt", "llm", "tts"])
def test_a_turn_survives(
    server: tuple[psutil.Process, str], asked: bytes, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caller.PATIENCE_SECONDS", PATIENCE_SECONDS)
    process, url = server
    wait_ready(url)

    async def scene() -> Caller:
        async with calling(url, **SESSION) as caller:
            caller.forgiven = {"engine_down"} if role == "turn" else set()  # clients are told that nobody listens
            await caller.say(asked[:FIRST])
            await caller.until("input_audio_buffer.speech_started")
            kill(process, role)
            await caller.say(asked[FIRST:], 0.8)
            await caller.until("response.done")
            await caller.say(asked, 0.8)
            await caller.until("response.done", 2)
            return caller

    caller = asyncio.run(scene())
    assert len(completed(caller)) == 2
    said = [words_of(event.transcript) for event in caller.all("conversation.item.input_audio_transcription.completed")]
    assert len(said) == 2
    for words in said:  # all of it, but for what one pair of ears may take for another word ("grasses green")
        assert words[:3] == ["please", "tell", "me"]
        assert "sky is blue" in " ".join(words)
        assert words[-1] == "green"
