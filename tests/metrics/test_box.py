"""A real box after real traffic: every figure that can be there is, and fits what was done."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from conftest import QUESTION, serving, wait_ready
from table import PREFIX, Figures, Row, allowed, rows
from websockets.sync.client import connect

sys.path.append(str(Path(__file__).parents[1] / "realtime"))

from caller import at_24k, calling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.long

PATIENCE_SECONDS = 60
STREAMS = 4
LONG = "You help in a large house with many rooms, and answer briefly. " * 8
ELSEWHERE = {"traces_total", "limits_hit_total", "http_disconnects_total"}
"""Figures that this traffic leaves at nothing, or that have tests of their own."""


class Done:
    """What was done, as its clients were told: a box, and how its workers' figures have to be by then."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.begin = Figures(url)
        self.prompt = self.cached = self.written = 0

    def chat(self, *messages: dict[str, str], tokens: int = 8) -> str:
        """One reply; its usage is added up."""
        body = {"messages": list(messages), "max_tokens": tokens, "temperature": 0}
        answer = httpx.post(f"{self.url}/v1/chat/completions", json=body, timeout=60).raise_for_status().json()
        usage = answer["usage"]
        self.prompt += usage["prompt_tokens"]
        self.cached += usage["prompt_tokens_details"]["cached_tokens"]
        self.written += usage["completion_tokens"]
        return str(answer["choices"][0]["message"]["content"])

    def until(self, holds: Callable[[Figures], object]) -> Figures:
        """The page, once it is so: workers tell their figures with their heartbeat."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not holds(page := Figures(self.url)):
            assert time.monotonic() < until, page.text
            time.sleep(0.05)
        return page

    def grown(self, page: Figures, name: str, **labels: str) -> float:
        """Since the beginning."""
        return page(name, **labels) - self.begin(name, **labels)


SPEED = 1 + random.random() / 100
"""No run finds what an earlier one has left in the caches."""


def spoken(url: str) -> bytes:
    body = {"input": QUESTION, "response_format": "wav", "speed": SPEED}
    return httpx.post(f"{url}/v1/audio/speech", json=body, timeout=60).raise_for_status().content


async def converse(url: str, pcm: bytes) -> None:
    """A turn of a live conversation, and an event that is none."""
    audio = {"input": {"turn_detection": {"type": "server_vad"}, "transcription": {"model": "whisper-1"}}}
    async with calling(url, audio=audio, max_output_tokens=12) as caller:
        await caller.say(pcm, 1.5)
        await caller.until("response.done")
        caller.forgiven.add("response_cancel_not_active")
        await caller.connection.response.cancel()
        await caller.until("error")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """A box that was used."""
    log = tmp_path_factory.mktemp("metrics") / "log"
    environ = {"CACHE__SPEECH_MB": "50", "CACHE__TRANSCRIPTS_MB": "50", "WORKERS__BEAT_SECONDS": "0.2"}
    with serving(log, **{f"APPLIANCE_{name}": value for name, value in environ.items()}) as (process, url):
        done = Done(url)
        done.begin = done.until(lambda page: page("llm_cells"))
        _prefix(done)
        _together(done)
        question = spoken(url)
        spoken(url)
        files = {"file": ("q.wav", question)}
        httpx.post(f"{url}/v1/audio/transcriptions", files=files, timeout=60).raise_for_status()
        turn = {"audio": ("q.wav", question)}
        httpx.post(f"{url}/v1/voice/turns", files=turn, data={"response_format": "pcm"}, timeout=60).raise_for_status()
        httpx.post(
            f"{url}/v1/files",
            files={"file": ("a.txt", b"The key hangs beside the door.")},
            data={"purpose": "assistants"},
        )
        asyncio.run(converse(url, at_24k(question)))
        with connect(f"{url.replace('http', 'ws', 1)}/v1/realtime?model=default") as socket:
            socket.recv()
            socket.socket.close()
        (tts,) = [each for each in psutil.Process(process.pid).children() if "tts" in each.cmdline()]
        tts.kill()
        wait_ready(url, status=503)
        wait_ready(url)
        spoken_again = {"input": "Another text.", "response_format": "pcm"}
        httpx.post(f"{url}/v1/audio/speech", json=spoken_again, timeout=60).raise_for_status()
        yield done


def _prefix(done: Done) -> None:
    """Two turns of one conversation: the second begins as the first."""
    before = [{"role": "system", "content": LONG}, {"role": "user", "content": "Name a colour."}]
    said = done.chat(*before)
    done.chat(*before, {"role": "assistant", "content": said}, {"role": "user", "content": "And another."})
    page = done.until(lambda page: done.grown(page, "llm_generated_tokens_total") == done.written)
    read, memory = (done.grown(page, "llm_prompt_tokens_total", source=source) for source in ("read", "memory"))
    assert read + memory + done.grown(page, "llm_prompt_tokens_total", source="disk") == done.prompt
    assert memory >= done.cached / 2 > 0
    assert done.prompt - read == done.cached


def _together(done: Done) -> None:
    """Several replies at once: they share steps."""
    ask = {"role": "user", "content": "Tell me a long story."}
    with ThreadPoolExecutor(STREAMS) as pool:
        list(pool.map(lambda _: done.chat(ask, tokens=60), range(STREAMS)))


def test_tokens_are_those_that_clients_were_told(done: Done) -> None:
    page = done.until(lambda page: done.grown(page, "llm_generated_tokens_total") >= done.written)
    assert page("llm_batch_sequences_sum") > page("llm_batch_sequences_count") > 0
    assert page("llm_batch_tokens_sum") >= page("llm_batch_sequences_sum")
    assert page("llm_steps_total") >= page("llm_step_seconds_count") > 0
    assert 0 < page("llm_cells_used") <= page("llm_cells")
    assert page("used_tokens_total") >= done.prompt + done.written


def test_jobs_waited_and_were_answered(done: Done) -> None:
    page = Figures(done.url)
    for stage, job in {"llm": "generate", "tts": "speak", "stt": "understand", "turn": "detect"}.items():
        jobs = page("stage_jobs_total", stage=stage, job=job, outcome="done")
        assert jobs > 0, job
        assert page("stage_job_seconds_count", stage=stage, job=job) >= jobs
        assert page("stage_first_part_seconds_sum", stage=stage, job=job) <= page("stage_job_seconds_sum", stage=stage)
        assert page("stage_queue_seconds_count", stage=stage) >= jobs
    assert page("stage_queue_seconds_count", stage="llm", priority="typed") >= STREAMS
    assert page("stage_queue_seconds_count", stage="llm", priority="live") >= 2


def test_turns_at_both_doors(done: Done) -> None:
    page = Figures(done.url)
    assert page("turns_total", door="turns", outcome="completed") == 1
    assert page("turns_total", door="realtime", outcome="completed") >= 1
    for until in ("transcript", "first_token", "first_clause", "first_audio", "reply", "done"):
        assert page("turn_seconds_count", door="turns", until=until) == 1, until
    for until in ("paused", "understood", "over", "first_token", "first_clause", "first_audio", "sent"):
        assert page("turn_seconds_count", door="realtime", until=until) >= 1, until
    assert page("voice_to_voice_seconds_count") == page("turn_seconds_count", door="realtime", until="sent")
    assert page("stt_audio_seconds_total", kind="live") > 1
    assert page("stt_audio_seconds_total", kind="file") > 1
    assert page("stt_batch_utterances_count") >= 1


def test_connections_and_their_ends(done: Done) -> None:
    page = done.until(lambda page: page("websockets_total", outcome="lost") == 1)
    assert page("websockets_total", route="/v1/realtime", outcome="client") == 1
    assert page("websockets") == page("live_sessions") == 0
    assert page("websocket_messages_total", direction="out") > page("websocket_messages_total", direction="in") / 10 > 0
    assert page("websocket_bytes_total", direction="in") > 50_000
    assert page("errors_total", code="response_cancel_not_active") == 1


def test_caches_documents_and_a_killed_worker(done: Done) -> None:
    page = done.until(lambda page: page("documents_total", outcome="ready") == 1 and page("documents_waiting") == 0)
    assert page("cache_total", purpose="speech", outcome="hit") >= 1
    assert page("cache_bytes", purpose="speech") > 1000
    assert page("worker_restarts_total", stage="tts") == 1
    assert page("worker_restarts_total") == 1
    assert page("stage_load_seconds", stage="tts") > 0
    page = done.until(lambda page: page("tts_audio_seconds_total") > 0)
    assert page("store_bytes", file="database") > 0
    assert page("store_read_seconds_count") > 0


def test_every_figure_is_there_with_labels_of_the_table(done: Done) -> None:
    page = done.until(lambda page: page("tts_audio_seconds_total") > 0)
    known = {row.name: row for row in rows()}
    names = {sample.name for sample in page.samples}
    for name, row in known.items():
        first = f"{name}_count" if row.kind == "histogram" else name
        short = name.removeprefix(PREFIX)
        assert first in names or short in ELSEWHERE or short.startswith("gpu_"), name
    for family in page.families:
        row = next(row for row in known.values() if _is(family, row))
        for sample in family.samples:
            for label, value in sample.labels.items():
                assert label == "le" or allowed(value, row.labels[label]), (family.name, label, value)
    assert page("scrape_failures_total") == 0
    assert {page(f"process_{each}", process="server") > 0 for each in ("resident_bytes", "threads", "open_files")} == {
        True
    }
    assert page("process_cpu_seconds_total", process="llm") > 0
    assert page("loop_lag_seconds_count") > 0


def _is(family: Any, row: Row) -> bool:
    """An info is a gauge in this format, and a counter's name is without its end for the parser."""
    kind = "gauge" if row.kind == "info" else row.kind
    return (family.type, family.name) == (kind, row.name.removesuffix("_total"))
