"""The second time is instant, whatever the stage does; what is kept tells nobody anything."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx
import openai
import pytest
from scripted import ScriptedStage, furnished

from appliance import metrics
from appliance.asking import CACHED
from appliance.bytes_on_disk import SPARED_BYTES
from appliance.callers.names import Names
from appliance.errors import EngineDown
from appliance.jobs import Audio, Generate, Heard, Mark, Segment, Speak, Transcribe
from appliance.voice.cache import Cache
from appliance.voice.cached import Cached, outcome_of
from appliance.voice.phrases import keep_ready
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

SPOKEN: list[Any] = [
    (Audio(samples=1000, marks=[Mark(0, 5, 900)]), b"\x01\x02" * 1000),
    (Audio(samples=500), b"\x03\x04" * 500),
]
HEARD: list[Any] = [
    Heard(seconds=2.5, language="en", language_probability=0.9),
    Segment(id=0, start=0.0, end=1.0, text=" a secret"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def cache(folder: Path, depends: str = "model 1", megabytes: int = 4) -> Cache:
    return Cache("test", folder, megabytes, 1, lambda _: depends)


def files_of(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def asked(stage: Cached, job: Any, payload: bytes = b"") -> tuple[str, list[Any]]:
    """Where the answer came from, and its parts."""
    async with stage.stream(job, payload) as answer:
        parts = [each async for each in answer]
        return outcome_of(answer), parts


async def test_an_answer_is_the_same_again_without_the_stage(folder: Path) -> None:
    inner = ScriptedStage(SPOKEN)
    job = Speak(text="Hello.", voice="joe", speed=1.25, split=False)
    first = await asked(Cached(inner, cache(folder)), job)
    again = await asked(
        Cached(inner, cache(folder)), Speak(text="Hello.", voice="joe", speed=1.25, split=False, priority="live")
    )
    assert first == ("miss", SPOKEN)
    assert again == ("hit", SPOKEN)
    assert len(inner.jobs) == 1
    inner.script = [EngineDown("gone")]
    assert (await asked(Cached(inner, cache(folder)), job))[0] == "hit"


@pytest.mark.parametrize(
    ("job", "payload", "depends"),
    [
        (Speak(text="Hello!"), b"", "model 1"),
        (Speak(text="Hello.", voice="eva"), b"", "model 1"),
        (Speak(text="Hello.", speed=1.5), b"", "model 1"),
        (Speak(text="Hello.", split=False), b"", "model 1"),
        (Speak(text="Hello."), b"", "model 2"),
        (Speak(text="Hello."), b"x", "model 1"),
        (Transcribe(), b"", "model 1"),
    ],
)
async def test_whatever_changes_the_answer_is_another_entry(
    folder: Path, job: Any, payload: bytes, depends: str
) -> None:
    inner = ScriptedStage(SPOKEN)
    await asked(Cached(inner, cache(folder)), Speak(text="Hello."))
    assert (await asked(Cached(inner, cache(folder, depends)), job, payload))[0] == "miss"
    assert len(inner.jobs) == 2


async def test_other_jobs_and_a_cache_of_no_size_pass(folder: Path) -> None:
    inner = ScriptedStage(SPOKEN)
    for stage, job in (
        (Cached(inner, cache(folder)), Generate()),
        (Cached(inner, cache(folder, megabytes=0)), Speak(text="a")),
    ):
        for _ in range(2):
            assert (await asked(stage, job))[0] == "none"
    assert len(inner.jobs) == 4
    assert not files_of(folder)


async def test_what_is_not_to_be_kept_passes_both_ways(folder: Path) -> None:
    inner = ScriptedStage(SPOKEN)
    stage, job = Cached(inner, cache(folder)), Speak(text="Hello.")
    apart = CACHED.set(False)
    assert (await asked(stage, job))[0] == "none"
    CACHED.reset(apart)
    assert (await asked(stage, job))[0] == "miss"
    apart = CACHED.set(False)
    assert (await asked(stage, job))[0] == "none"
    CACHED.reset(apart)
    assert len(inner.jobs) == 3


async def test_half_an_answer_is_not_kept(folder: Path) -> None:
    inner = ScriptedStage(SPOKEN)
    stage = Cached(inner, cache(folder))
    async with stage.stream(Speak(text="Hello.")) as answer:
        await anext(answer)
    inner.script = [SPOKEN[0], EngineDown("gone")]
    with pytest.raises(EngineDown):
        await asked(stage, Speak(text="Hello."))
    inner.script = SPOKEN
    assert (await asked(stage, Speak(text="Hello."))) == ("miss", SPOKEN)


async def test_a_long_answer_is_not_kept_and_old_ones_give_way(folder: Path) -> None:
    inner = ScriptedStage([(Audio(samples=1), bytes(4_100_000))])
    stage = Cached(inner, cache(folder))
    for _ in range(2):
        assert (await asked(stage, Speak(text="long")))[0] == "miss"
    inner.script = [(Audio(samples=1), bytes(500_000))]
    for number in range(30):
        await asked(stage, Speak(text=str(number)))
    assert sum(file.stat().st_size for file in files_of(folder)) < 8_000_000
    assert (await asked(stage, Speak(text="29")))[0] == "hit"
    assert (await asked(stage, Speak(text="0")))[0] == "miss"


def spoil(folder: Path, damage: str) -> None:
    """Harm all files of a cache that nobody uses now."""
    if damage == "gone":
        shutil.rmtree(folder)
    for file in files_of(folder):
        data = file.read_bytes()
        if damage == "flipped" and data:
            middle = len(data) // 2
            file.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        elif damage == "cut":
            file.write_bytes(data[: len(data) // 2])
        elif damage in ("emptied", "nonsense"):
            file.write_bytes(b"" if damage == "emptied" else b"nonsense" * 100)


@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied", "gone", "nonsense"])
def test_a_damaged_cache_only_costs_time(folder: Path, damage: str) -> None:
    job, audio = Transcribe(), b"some audio" * 10_000
    large = [(Audio(samples=1), bytes(200_000))]  # a file of its own

    async def fill() -> None:
        stage = Cached(ScriptedStage(HEARD), cache(folder))
        await asked(stage, job, audio)
        await asked(Cached(ScriptedStage(large), cache(folder)), Speak(text="large"))

    async def use() -> None:
        assert (await asked(Cached(ScriptedStage(large), cache(folder)), Speak(text="large")))[1] == large
        stage = Cached(ScriptedStage(HEARD), cache(folder))
        assert (await asked(stage, job, audio))[1] == [(part, b"") for part in HEARD]
        assert (await asked(stage, job, audio)) == ("hit", [(part, b"") for part in HEARD])

    anyio.run(fill)  # in a loop of its own, so that nothing is open when the files are harmed
    assert len(files_of(folder)) >= 2
    spoil(folder, damage)
    faults = metrics.CACHE_FAULTS.labels("test")._value.get()
    anyio.run(use)
    assert (metrics.CACHE_FAULTS.labels("test")._value.get() > faults) == (damage not in ("gone", "emptied"))


async def test_it_may_vanish_while_it_is_used(folder: Path) -> None:
    inner = ScriptedStage(SPOKEN)
    stage = Cached(inner, cache(folder))
    await asked(stage, Speak(text="Hello."))
    shutil.rmtree(folder)
    for _ in range(3):
        assert (await asked(stage, Speak(text="Hello.")))[1] == SPOKEN


async def test_it_gives_way_to_what_has_to_be_remembered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = cache(folder)
    stage = Cached(ScriptedStage(SPOKEN), kept)
    await asked(stage, Speak(text="Hello."))
    usage = shutil._ntuple_diskusage(1 << 40, 1 << 40, SPARED_BYTES - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert await asked(stage, Speak(text="Hello you.")) == ("miss", SPOKEN)
    assert files_of(folder) == []
    assert await asked(stage, Speak(text="Hello.")) == ("miss", SPOKEN)
    assert files_of(folder) == [], "it is not begun anew for each request"


async def test_where_none_can_be_made_it_is_done_without(tmp_path: Path) -> None:
    place = tmp_path / "a file"
    place.write_text("in its place")
    inner = ScriptedStage(SPOKEN)
    stage = Cached(inner, cache(place))
    for _ in range(3):
        assert await asked(stage, Speak(text="Hello.")) == ("miss", SPOKEN)
    assert place.read_text() == "in its place"


async def test_what_is_on_disk_can_be_read_by_nobody(folder: Path) -> None:
    inner = ScriptedStage(HEARD)
    await asked(Cached(inner, cache(folder)), Transcribe(), b"some audio")
    inner.script = SPOKEN
    await asked(Cached(inner, cache(folder)), Speak(text="another secret"))
    everything = b"".join(file.read_bytes() for file in files_of(folder))
    assert len(everything) > 1000
    for trace in (b"secret", b"some audio", b"\x01\x02" * 8):
        assert trace not in everything


async def test_phrases_are_kept_ready(folder: Path) -> None:
    tries = 0

    async def script(_: Any, __: int) -> AsyncIterator[Any]:
        nonlocal tries
        tries += 1
        if tries == 1:
            yield EngineDown("starting")
        for beat in SPOKEN:
            yield beat

    inner = ScriptedStage(script)
    stage = Cached(inner, cache(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("appliance.voice.phrases.RETRY_SECONDS", 0.0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_ready, stage, ["One moment.", "Bye."])
            with anyio.fail_after(10):
                while tries < 5:
                    await anyio.lowlevel.checkpoint()
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    assert {job.priority for job in inner.jobs} == {"background"}
    assert (await asked(stage, Speak(text="One moment.", split=False, priority="live")))[0] == "hit"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[str]:
    stt, tts = ScriptedStage(HEARD), ScriptedStage(SPOKEN)
    stages = Stages(
        Cached(stt, cache(tmp_path / "transcripts")), ScriptedStage(), Cached(tts, cache(tmp_path / "speech")), stt
    )
    overrides: dict[str, dict[str, Any]] = {"http": {"open": True}}
    with furnished(overrides, stages, Names(stt="ears", llm="brain", voices={"joe": "mouth"})) as url:
        yield url


@pytest.mark.parametrize("form", ["wav", "pcm", "mp3"])
def test_doors_say_whether_it_was_kept(box: str, form: str) -> None:
    def speak(**more: Any) -> httpx.Response:
        body = {"input": f"Hello {form}.", "response_format": form, **more}
        return httpx.post(f"{box}/v1/audio/speech", json=body)

    first, second = speak(), speak()
    assert [each.headers["x-cache"] for each in (first, second, speak(stream_format="sse"))] == ["miss", "hit", "hit"]
    assert first.content == second.content
    assert speak(speed=1.5).headers["x-cache"] == "miss"


def test_recordings_are_heard_once(box: str) -> None:
    def hear(**data: str) -> httpx.Response:
        return httpx.post(f"{box}/v1/audio/transcriptions", files={"file": b"RIFF and so on"}, data=data)

    answers = [hear(), hear(response_format="text"), hear(stream="true"), hear(prompt="Names")]
    assert [answer.headers["x-cache"] for answer in answers] == ["miss", "hit", "hit", "miss"]
    assert answers[0].json()["text"] == answers[1].text.strip() == "a secret"
    with openai.OpenAI(base_url=f"{box}/v1", api_key="none") as client:
        assert client.audio.transcriptions.create(model="whisper-1", file=b"RIFF and so on").text == "a secret"
