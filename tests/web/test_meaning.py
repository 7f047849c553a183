"""A search by what words mean, through the doors: with a stage that is quick, slow, broken or restarted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import anyio
import numpy as np
import openai
import pytest
from scripted import ScriptedStage, furnished

from appliance.callers.names import Names
from appliance.errors import EngineDown
from appliance.jobs import Embedding
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WAIT_SECONDS = 60
TEXTS = {"car.txt": "The automobile is in the garage.", "pump.txt": "The pump is in the cellar."}
KINDS = ("automobile", "pump")


def meant(text: str) -> bytes:
    """A car by either name is the same."""
    said = text.lower().replace("vehicle", "automobile")
    return np.array([*(float(kind in said) for kind in KINDS), 0.1], np.float32).tobytes()


async def vectors(job: Any, _: int) -> AsyncIterator[tuple[Embedding, bytes]]:
    for index, text in enumerate(job.texts):
        yield Embedding(index=index, dimensions=3, tokens=4), meant(text)


async def slow_for_questions(job: Any, number: int) -> AsyncIterator[tuple[Embedding, bytes]]:
    if job.priority == "live":
        await anyio.sleep_forever()
    async for part in vectors(job, number):
        yield part


async def broken(_job: Any, _number: int) -> AsyncIterator[tuple[Embedding, bytes]]:
    for index in range(0):
        yield Embedding(index=index, dimensions=3, tokens=4), b""
    raise EngineDown("The embed stage is not ready.")


def served(folder: Path, embed: ScriptedStage | None) -> Any:
    stage = ScriptedStage()
    names = Names(stt="e", llm="b", voices={"joe": "m"}, embed="v" if embed else "")
    overrides: dict[str, dict[str, Any]] = {"store": {"dir": str(folder)}, "http": {"open": True}}
    return furnished(overrides, Stages(stage, stage, stage, stage, embed), names)


def filled(api: openai.OpenAI) -> str:
    files = [api.files.create(file=(name, text.encode()), purpose="assistants").id for name, text in TEXTS.items()]
    deadline = time.monotonic() + WAIT_SECONDS
    while any(api.files.retrieve(file).status == "uploaded" for file in files):
        assert time.monotonic() < deadline
    return api.vector_stores.create(file_ids=files).id


def found(api: openai.OpenAI, store: str, question: str) -> list[str]:
    return [each.filename for each in api.vector_stores.search(store, query=question)]


def until_found(api: openai.OpenAI, store: str) -> list[str]:
    deadline = time.monotonic() + WAIT_SECONDS
    while len(names := found(api, store, "vehicle")) < len(TEXTS):  # until all have their vectors
        assert time.monotonic() < deadline
    return names


def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


def test_other_words_for_the_same_thing_are_found(tmp_path: Path) -> None:
    stage = ScriptedStage(vectors)
    with served(tmp_path, stage) as url, client(url) as api:
        store = filled(api)
        assert until_found(api, store)[0] == "car.txt"
        assert found(api, store, "pump")[0] == "pump.txt"
    assert {job.priority for job in stage.jobs} == {"background", "live"}


@pytest.mark.parametrize("embed", [None, ScriptedStage(slow_for_questions), ScriptedStage(broken)])
def test_words_do_where_there_is_no_vector(tmp_path: Path, embed: ScriptedStage | None) -> None:
    with served(tmp_path, embed) as url, client(url) as api:
        store = filled(api)
        assert found(api, store, "Where is the automobile?") == ["car.txt"]
        assert found(api, store, "vehicle") == []


def test_what_waits_for_its_vector_has_it_after_a_restart(tmp_path: Path) -> None:
    with served(tmp_path, None) as url, client(url) as api:
        store = filled(api)
    stage = ScriptedStage(vectors)
    with served(tmp_path, stage) as url, client(url) as api:
        assert until_found(api, store)[0] == "car.txt"
    again = ScriptedStage(vectors)
    with served(tmp_path, again) as url, client(url) as api:
        assert until_found(api, store)[0] == "car.txt"
    assert {job.priority for job in again.jobs} == {"live"}  # what has its vector is not read again
