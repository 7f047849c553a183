"""Assistants that answer from their owner's documents: real sockets, real SQLite, a scripted model."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from scripted import ScriptedStage, furnished
from test_identity import appliance, bearer
from test_knowledge import upload
from test_retrieval import ANSWER, MANUAL, NAMES, QUESTION, WEATHER, looks_up, searching, shelved, speaks
from websockets.sync.client import connect

from appliance.dialogue.quoting import BEGIN
from appliance.jobs import Generate, Speak
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # OpenAI calls it so; here it stays

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": QUESTION}]}
RULES = "You are the house's keeper. Answer from the documents."
SOURCE = "Source: coffee machine."


@pytest.fixture
def stage() -> ScriptedStage:
    return ScriptedStage(speaks)


@pytest.fixture
def url(tmp_path: Path, stage: ScriptedStage) -> Iterator[str]:
    with furnished({"store": {"dir": str(tmp_path)}}, Stages(stage, stage, stage, stage), NAMES) as address:
        yield address


@pytest.fixture
def make(tmp_path: Path) -> Any:
    return partial(appliance, "keys", "create", "--state-dir", str(tmp_path))


@pytest.fixture
def root(url: str, make: Any) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=make("root", "--role", "admin"), max_retries=0) as api:
        yield api


@pytest.fixture
def store(root: openai.OpenAI) -> str:
    return shelved(root, upload(root, "coffee-machine.md", MANUAL))


def keeper(root: openai.OpenAI, store: str, **more: Any) -> Any:
    return root.beta.assistants.create(
        name="Keeper", instructions=RULES, model="default", extra_body={"shared": True},
        tool_resources={"file_search": {"vector_store_ids": [store]}}, **more,
    )  # fmt: skip


def test_everybody_is_answered_from_the_documents_of_a_shared_assistant(
    url: str, root: openai.OpenAI, store: str, make: Any, stage: ScriptedStage
) -> None:
    keeper(root, store)
    anna = bearer(make("anna", "--scope", "text"))
    answer = httpx.post(f"{url}/v1/chat/completions", json={**CHAT, "model": "Keeper"}, headers=anna).json()
    assert answer["choices"][0]["message"]["content"] == ANSWER
    (annotation,) = answer["choices"][0]["message"]["annotations"]
    assert annotation["file_citation"]["filename"] == "coffee-machine.md"
    told = stage.job.messages
    assert told[0].content == RULES
    assert BEGIN in told[-1].content
    assert told[-1].role == "user"
    plain = httpx.post(f"{url}/v1/chat/completions", json=CHAT, headers=anna).json()
    assert "annotations" not in plain["choices"][0]["message"]
    body = {"model": "keeper", "input": QUESTION}
    response = httpx.post(f"{url}/v1/responses", json=body, headers=anna).json()
    assert response["output"][0]["content"][0]["annotations"][0]["filename"] == "coffee-machine.md"


def test_an_assistant_may_leave_it_to_the_model(root: openai.OpenAI, store: str, stage: ScriptedStage) -> None:
    stage.script = looks_up
    keeper(root, store, tools=[{"type": "file_search"}])
    answer = root.responses.create(model="Keeper", input=QUESTION)
    assert answer.output_text == f"Sure. {ANSWER}"
    assert [job.messages[-1].role for job in stage.jobs] == ["user", "tool"]


def test_a_search_of_the_clients_own_takes_the_place_of_the_assistants(
    url: str, root: openai.OpenAI, store: str, make: Any, stage: ScriptedStage
) -> None:
    stage.script = looks_up
    keeper(root, store, tools=[{"type": "file_search"}])
    with openai.OpenAI(base_url=f"{url}/v1", api_key=make("anna"), max_retries=0) as anna:
        mine = shelved(anna, upload(anna, "own.md", "# Descaling\n\nMy coffee machine wants descaling every May."))
        anna.responses.create(model="Keeper", input=QUESTION, tools=[searching(mine), WEATHER])  # type: ignore[list-item]
    assert [tool.name for tool in stage.job.tools] == ["weather", "file_search"]
    quoted = stage.job.messages[-1].content
    assert "own.md" in quoted
    assert "every three months" not in quoted


def test_documents_that_are_gone_are_not_quoted(
    url: str, root: openai.OpenAI, store: str, make: Any, stage: ScriptedStage
) -> None:
    keeper(root, store)
    root.vector_stores.delete(store)
    anna = bearer(make("anna"))
    assert httpx.post(f"{url}/v1/chat/completions", json={**CHAT, "model": "Keeper"}, headers=anna).status_code == 200
    assert BEGIN not in stage.job.messages[-1].content


def test_a_spoken_turn_names_the_source(url: str, root: openai.OpenAI, store: str, stage: ScriptedStage) -> None:
    keeper(root, store)
    form = {"model": "Keeper"}
    headers = {**bearer(root.api_key), "accept": "text/event-stream"}
    answer = httpx.post(f"{url}/v1/voice/turns", files={"audio": b"RIFF"}, data=form, headers=headers)
    done = json.loads([line for line in answer.text.splitlines() if line.startswith("data: ")][-1][6:])
    assert done["text"] == f"{ANSWER} {SOURCE}"
    assert done["sources"][0]["filename"] == "coffee-machine.md"
    assert SOURCE in " ".join(job.text for job in stage.jobs if isinstance(job, Speak))


@pytest.mark.parametrize("modality", ["audio", "text"])
def test_a_live_reply_names_the_source_if_it_is_spoken(
    url: str, root: openai.OpenAI, store: str, stage: ScriptedStage, modality: str
) -> None:
    keeper(root, store)
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime?model=Keeper"
    with connect(address, additional_headers=bearer(root.api_key), open_timeout=10) as line:

        def until(kind: str) -> dict[str, Any]:
            while True:
                event: dict[str, Any] = json.loads(line.recv(timeout=20))
                assert event["type"] != "error", event
                if event["type"] == kind:
                    return event

        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]}
        line.send(json.dumps({"type": "session.update", "session": {"output_modalities": [modality]}}))
        line.send(json.dumps({"type": "conversation.item.create", "item": item}))
        line.send(json.dumps({"type": "response.create"}))
        output = until("response.done")["response"]["output"][0]
    said = output["content"][0]
    assert (said.get("transcript") or said["text"]) == (f"{ANSWER} {SOURCE}" if modality == "audio" else ANSWER)
    job = next(job for job in stage.jobs[::-1] if isinstance(job, Generate))
    assert BEGIN in job.messages[-1].content
