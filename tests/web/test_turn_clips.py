"""How spoken turns sounded. Scripted stages, but for what opens the recordings; then the whole box. Real sockets."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import openai
import pytest
from anyio import to_thread
from clips import likeness, samples
from conftest import serving
from scripted import ScriptedStage, furnished

from appliance.asking import USER
from appliance.audio import read_wav, wav
from appliance.callers.names import Names
from appliance.encoding import encoder
from appliance.engines.whisper.files import recoded
from appliance.errors import EngineDown
from appliance.jobs import SPEECH_RATE, STT_RATE, Audio, Generated, Heard, Recode, Recoded, Segment, Token
from appliance.voice import recorder
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from scripted import Beat

    from appliance.jobs import AnyJob

pytestmark = pytest.mark.long

STOP = Generated(finish_reason="stop", prompt_tokens=5, completion_tokens=3)
SECONDS = np.arange(2 * SPEECH_RATE) / SPEECH_RATE
REPLY = (8000 * np.sin(2 * np.pi * (150 + 100 * SECONDS) * SECONDS)).astype("<i2").tobytes()
ASKED = (8000 * np.sin(2 * np.pi * (400 - 60 * SECONDS) * SECONDS)).astype("<i2").tobytes()


class Ears:
    """Hears the same in each recording. When one is to be kept, opens it as the worker does, once `may` is set."""

    def __init__(self) -> None:
        heard = Heard(seconds=2, language="en", language_probability=1)
        self._words = ScriptedStage([heard, Segment(id=0, start=0, end=2, text="Hello")])
        self.may = threading.Event()
        self.asked: list[tuple[str, Recode]] = []
        self.failing: list[Exception] = []
        self.answer: list[Beat] | None = None

    @asynccontextmanager
    async def stream(self, job: AnyJob, payload: bytes = b"") -> AsyncIterator[Any]:
        stage = self._words
        if isinstance(job, Recode):
            self.asked.append((USER.get(), job))
            await to_thread.run_sync(self.may.wait, 20)
            if self.failing:
                raise self.failing.pop(0)
            stage = ScriptedStage(self.answer or [part for part in recoded(job, payload) if part is not None])
        async with stage.stream(job, payload) as answer:
            yield answer


@contextmanager
def keeping(ears: Ears, folder: Path, **store: Any) -> Iterator[str]:
    """A box that remembers in `folder`, and says `REPLY`."""
    given = {"http": {"open": True}, "store": {"dir": str(folder), "keep_audio": True, **store}}
    brain, mouth = ScriptedStage([Token(text="Well."), STOP]), ScriptedStage([(Audio(samples=len(REPLY) // 2), REPLY)])
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth"})
    with furnished(given, Stages(ears, brain, mouth, mouth), names) as url:
        yield url


def speak(url: str, audio: bytes, **headers: str) -> str:
    """A spoken turn; all of its answer."""
    form = {"conversation": "kitchen", "response_format": "pcm"}
    answer = httpx.post(
        f"{url}/v1/voice/turns", data=form, files={"audio": audio}, timeout=60,
        headers={"accept": "text/event-stream", **headers},
    ).raise_for_status()  # fmt: skip
    return answer.text


def kept(url: str) -> list[bytes | None]:
    """The clips of all items of the conversation, in order, as OpenAI's client sees which have one."""
    found: list[bytes | None] = []
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        for item in client.conversations.items.list("kitchen", order="asc"):
            shown: Any = item
            answer = httpx.get(f"{url}/v1/conversations/kitchen/items/{shown.id}/audio")
            assert answer.status_code == (200 if getattr(shown.content[0], "clip", False) else 404)
            found.append(answer.content if answer.is_success else None)
    return found


@pytest.fixture
def ears() -> Ears:
    return Ears()


def test_a_turn_is_done_before_its_clips_are_made(ears: Ears, tmp_path: Path) -> None:
    encode = encoder("mp3")
    recording = encode.feed(ASKED) + encode.finish()
    with keeping(ears, tmp_path) as url:
        assert "turn.done" in speak(url, recording)
        assert kept(url) == [None, None]
        ears.may.set()
    with keeping(ears, tmp_path, keep_audio=False) as url:
        asked, answered = kept(url)
    assert asked is not None
    assert answered is not None
    assert samples(answered).size == 2 * 48_000
    assert likeness(answered, REPLY, SPEECH_RATE) > 0.95
    assert samples(asked).size / 48_000 == pytest.approx(2, abs=0.1)
    ((user, job),) = ears.asked
    assert (user, job.max_seconds, job.first_seconds) == ("local", 120, 600)


def test_the_server_opens_no_recording(ears: Ears, tmp_path: Path) -> None:
    ears.may.set()
    ears.answer = [(Recoded(seconds=2), b"as the worker gave it")]
    with keeping(ears, tmp_path) as url:
        speak(url, b"no audio at all")
    with keeping(ears, tmp_path) as url:
        assert kept(url)[0] == b"as the worker gave it"


def test_a_turn_that_is_tried_again_has_the_clips_of_its_last_try(ears: Ears, tmp_path: Path) -> None:
    ears.may.set()
    with keeping(ears, tmp_path) as url:
        for seconds in (2, 1):
            speak(url, wav(ASKED[: seconds * SPEECH_RATE * 2], SPEECH_RATE), **{"idempotency-key": "once"})
    with keeping(ears, tmp_path) as url:
        asked, answered = kept(url)
    assert asked is not None
    assert answered is not None
    assert samples(asked).size == 48_000


def test_a_worker_that_is_down_is_waited_for_and_what_fails_holds_up_nobody(
    ears: Ears, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(recorder, "RETRY_SECONDS", 0.01)
    ears.may.set()
    ears.failing = [
        RuntimeError("cannot be opened"),
        EngineDown("down", retry_after=1),
        EngineDown("down", retry_after=1),
    ]
    with keeping(ears, tmp_path) as url:
        for _ in range(2):
            speak(url, wav(ASKED, SPEECH_RATE))
    with keeping(ears, tmp_path) as url:
        assert [clip is not None for clip in kept(url)] == [False, True, True, True]


def test_long_audio_is_kept_up_to_a_limit(ears: Ears, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST_SECONDS", 1)
    ears.may.set()
    with keeping(ears, tmp_path) as url:
        speak(url, wav(ASKED, SPEECH_RATE))
    with keeping(ears, tmp_path) as url:
        assert [samples(clip or b"").size for clip in kept(url)] == [48_000, 48_000]


def test_what_is_too_much_is_not_kept(ears: Ears, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST_WAITING_BYTES", 2 * len(ASKED) + 1000)
    with keeping(ears, tmp_path) as url:
        for _ in range(2):
            speak(url, wav(ASKED, SPEECH_RATE))
        ears.may.set()
    with keeping(ears, tmp_path) as url:
        assert [clip is not None for clip in kept(url)] == [True, True, False, False]


def test_nothing_is_kept_unless_it_is_wanted(ears: Ears, tmp_path: Path) -> None:
    with keeping(ears, tmp_path, keep_audio=False) as url:
        speak(url, wav(ASKED, SPEECH_RATE))
        assert kept(url) == [None, None]
    assert not ears.asked
    with closing(sqlite3.connect(tmp_path / "appliance.db")) as look:
        assert look.execute("SELECT count(*) FROM clips").fetchone() == (0,)
    files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    for piece in (b"OggS", b"RIFF", ASKED[4800:5040], REPLY[4800:5040]):
        assert not any(piece in file for file in files)


def test_clients_cannot_claim_one(ears: Ears, tmp_path: Path) -> None:
    part = {"type": "input_text", "text": "Hello", "clip": True}
    with keeping(ears, tmp_path) as url:
        item = {"id": "it", "role": "user", "content": [part]}
        begun = {"id": "kitchen", "items": [item]}
        httpx.post(f"{url}/v1/conversations", json=begun).raise_for_status()
        assert kept(url) == [None]
        answer = httpx.get(f"{url}/v1/conversations/kitchen/items/it/audio")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        response = httpx.post(f"{url}/v1/responses", json={"input": [item]}).raise_for_status().json()["id"]
        (given,) = httpx.get(f"{url}/v1/responses/{response}/input_items").json()["data"]
        assert given["content"] == [{"type": "input_text", "text": "Hello"}]


def test_the_whole_box_keeps_a_turn(tmp_path: Path, recorded: Path) -> None:
    question = (recorded / "spk1_snt1.wav").read_bytes()
    with serving(tmp_path / "log", APPLIANCE_STORE__KEEP_AUDIO="true", APPLIANCE_VOICE__TEMPERATURE="0") as (_, url):
        form = {"conversation": "kitchen", "response_format": "wav"}
        answer = httpx.post(f"{url}/v1/voice/turns", data=form, files={"audio": question}, timeout=120)
        spoken, rate = read_wav(answer.raise_for_status().content)
    with closing(sqlite3.connect(tmp_path / "appliance.db")) as look:
        rows = look.execute("SELECT role, audio FROM clips JOIN items ON items.number = clips.item").fetchall()
    assert [role for role, _ in rows] == ["user", "assistant"]
    pcm, asked_rate = read_wav(question)
    assert asked_rate == STT_RATE
    for (_, clip), said, at in zip(rows, (pcm, spoken), (asked_rate, rate), strict=True):
        assert samples(clip).size / 48_000 == pytest.approx(len(said) / 2 / at, abs=0.02)
        assert likeness(clip, said, at) > 0.8
        assert len(clip) < 4_000 * (len(said) / 2 / at) + 1_000
