"""Answers from documents at the doors, with OpenAI's own client: real sockets, real SQLite, a scripted model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from scripted import ScriptedStage, furnished
from test_identity import appliance, bearer
from test_knowledge import READ_SECONDS, upload

from appliance import settings
from appliance.callers.documents import with_documents
from appliance.callers.names import Names
from appliance.dialogue.quoting import BEGIN, END
from appliance.errors import NotFound
from appliance.jobs import (
    SPEECH_RATE,
    Arguments,
    Audio,
    Called,
    Generate,
    Generated,
    Heard,
    Message,
    Segment,
    Speak,
    Token,
    Transcribe,
)
from appliance.store.database import Database
from appliance.store.owners import LOCAL
from appliance.store.passages import Found
from appliance.voice.retrieving import Retrieval, Retrieving
from appliance.voice.stages import Stages
from appliance.web.box import make_box
from appliance.web.retrieval import numbers_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from appliance.jobs import AnyJob

NAMES = Names(stt="e", llm="b", voices={"joe": "m"})
MANUAL = """# Coffee machine

## Care

The coffee machine has to be descaled every three months.
"""
QUESTION = "How often must I descale the machine?"
ANSWER = "Descale the coffee machine every three months."
WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
ANSWERED = Generated(finish_reason="stop", prompt_tokens=30, completion_tokens=8)
CALLED = Generated(finish_reason="tool_calls", prompt_tokens=10, completion_tokens=4)


async def looks_up(job: AnyJob, _: int) -> AsyncIterator[Any]:
    """A model that calls the search if it has one and has not, and then answers."""
    assert isinstance(job, Generate)
    if job.messages[-1].role == "user" and any(tool.name == "file_search" for tool in job.tools):
        yield Called(index=0, id="call_1", name="file_search")
        yield Arguments(index=0, text='{"query": "descale coffee machine"}')
        yield CALLED
        return
    yield Token(text="Sure. ")
    yield Token(text=ANSWER)
    yield ANSWERED


@pytest.fixture
def stage() -> ScriptedStage:
    return ScriptedStage(looks_up)


@pytest.fixture
def url(tmp_path: Path, stage: ScriptedStage) -> Iterator[str]:
    overrides: dict[str, dict[str, Any]] = {"store": {"dir": str(tmp_path)}, "http": {"open": True}}
    with furnished(overrides, Stages(stage, stage, stage, stage), NAMES) as address:
        yield address


@pytest.fixture
def api(url: str) -> Iterator[Any]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, _strict_response_validation=True) as made:
        yield made


@pytest.fixture
def manual(api: Any) -> str:
    return upload(api, "coffee-machine.md", MANUAL)


@pytest.fixture
def store(api: Any, manual: str) -> str:
    return shelved(api, manual)


def shelved(api: Any, file: str) -> str:
    made = api.vector_stores.create(name="House", file_ids=[file])
    polled = api.vector_stores.files.poll(file, vector_store_id=made.id, poll_interval_ms=20)
    assert polled.status == "completed", READ_SECONDS
    return str(made.id)


def searching(store: str, **more: Any) -> Any:
    return {"type": "file_search", "vector_store_ids": [store], **more}


def cited(annotation: Any, manual: str, said: str) -> None:
    assert (annotation.type, annotation.file_id, annotation.filename) == ("file_citation", manual, "coffee-machine.md")
    assert annotation.index == len(said)
    assert said[annotation.start_index : annotation.end_index] == ANSWER
    assert (annotation.heading, annotation.passage, annotation.page) == ("Coffee machine › Care", 0, None)
    assert "every three months" in annotation.quote


def test_a_response_rests_on_documents(api: Any, stage: ScriptedStage, store: str, manual: str) -> None:
    answer = api.responses.create(input=QUESTION, model="default", tools=[searching(store, max_num_results=3)])
    assert answer.output_text == f"Sure. {ANSWER}"
    (item,) = answer.output
    assert item.type == "message"
    (part,) = item.content
    assert part.type == "output_text"
    (annotation,) = part.annotations
    cited(annotation, manual, part.text)
    (tool,) = answer.tools
    assert tool.type == "file_search"
    assert (tool.vector_store_ids, tool.max_num_results) == ([store], 3)
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (40, 12)
    told = stage.job.messages[-1]
    assert told.role == "tool"
    assert told.content.startswith(f"{BEGIN}\n[1] coffee-machine.md, Coffee machine › Care\n> ")
    assert told.content.endswith(f"{END}\n\n{QUESTION}")
    again = api.responses.retrieve(answer.id)
    assert again.output[0] == item
    api.responses.create(
        input=QUESTION, model="default", previous_response_id=answer.id
    )  # what it rests on can be read
    assert [message.role for message in stage.job.messages] == ["user", "assistant", "user"]


def test_a_streamed_response_says_what_it_rests_on(api: Any, store: str, manual: str) -> None:
    with api.responses.stream(input=QUESTION, model="default", tools=[searching(store)]) as stream:
        events: list[Any] = list(stream)
        whole = stream.get_final_response()
    kinds = [event.type for event in events]
    assert kinds[-6:] == [
        "response.output_text.delta", "response.output_text.annotation.added", "response.output_text.done",
        "response.content_part.done", "response.output_item.done", "response.completed",
    ]  # fmt: skip
    added = events[-5]
    cited(added.annotation, manual, f"Sure. {ANSWER}")
    assert (added.annotation_index, added.output_index, added.content_index) == (0, 0, 0)
    assert added.item_id == whole.output[0].id
    told = added.annotation.to_dict()
    for part in (events[-3].part, events[-2].item.content[0], whole.output[0].content[0]):
        assert [each.to_dict() for each in part.annotations] == [told]
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_calls_of_the_clients_own_pass_beside_a_search(api: Any, stage: ScriptedStage, store: str) -> None:
    stage.script = [Called(index=0, id="call_w", name="weather"), Arguments(index=0, text="{}"), CALLED]
    answer = api.responses.create(input=QUESTION, model="default", tools=[searching(store), WEATHER])
    (item,) = answer.output
    assert (item.type, item.type == "function_call" and item.name) == ("function_call", "weather")
    assert [tool.name for tool in stage.job.tools] == ["weather", "file_search"]
    assert {tool.type for tool in answer.tools} == {"function", "file_search"}


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "file_search"},
        "required",
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "file_search"}]},
    ],
)
def test_a_search_can_be_required(api: Any, stage: ScriptedStage, store: str, choice: Any) -> None:
    api.responses.create(input=QUESTION, model="default", tools=[searching(store)], tool_choice=choice)
    assert [(job.tool_name, job.tool_choice) for job in stage.jobs] == [("file_search", "auto"), (None, "auto")]


def test_a_search_can_be_forbidden(api: Any, stage: ScriptedStage, store: str) -> None:
    tools: Any = [searching(store), WEATHER]
    only: Any = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "weather"}]}
    for choice in ("none", only):
        api.responses.create(input=QUESTION, model="default", tools=tools, tool_choice=choice)
        assert [tool.name for tool in stage.job.tools] == ["weather"]
    both: Any = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "file_search"}]}
    api.responses.create(input=QUESTION, model="default", tools=tools, tool_choice=both)
    assert [tool.name for tool in stage.job.tools] == ["file_search"]


def test_a_chat_rests_on_documents(url: str, stage: ScriptedStage, store: str, manual: str) -> None:
    body = {
        "messages": [{"role": "user", "content": QUESTION}],
        "tools": [{"type": "file_search", "file_search": {"vector_store_ids": [store]}}],
    }
    answer = httpx.post(f"{url}/v1/chat/completions", json=body).json()
    message = answer["choices"][0]["message"]
    assert message["content"] == f"Sure. {ANSWER}"
    assert "tool_calls" not in message
    assert answer["usage"]["prompt_tokens"] == 40
    (annotation,) = message["annotations"]
    place = annotation["file_citation"]
    assert (annotation["type"], place["file_id"], place["filename"]) == ("file_citation", manual, "coffee-machine.md")
    assert message["content"][place["start_index"] : place["end_index"]] == ANSWER
    assert set(place) == {"file_id", "filename", "page", "passage", "heading", "quote", "start_index", "end_index"}


def test_a_streamed_chat_says_it_last(url: str, store: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as api:
        tool: Any = {"type": "file_search", "file_search": {"vector_store_ids": [store]}}
        messages: Any = [{"role": "user", "content": QUESTION}]
        chunks = list(api.chat.completions.create(messages=messages, model="default", tools=[tool], stream=True))
        whole = api.chat.completions.create(messages=messages, model="default", tools=[tool])
    told: Any = chunks[-1].choices[0]
    assert told.finish_reason == "stop"
    (annotation,) = told.delta.annotations
    assert annotation["file_citation"]["filename"] == "coffee-machine.md"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == f"Sure. {ANSWER}"
    assert [chunk.choices[0].delta.to_dict().get("annotations") for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert whole.choices[0].message.annotations


def test_what_is_kept_keeps_its_sources(api: Any, url: str, store: str, manual: str) -> None:
    api.responses.create(input=QUESTION, model="default", tools=[searching(store)], conversation="conv_house")
    body = {
        "messages": [{"role": "user", "content": QUESTION}], "conversation": "conv_house",
        "tools": [{"type": "file_search", "file_search": {"vector_store_ids": [store]}}],
    }  # fmt: skip
    assert httpx.post(f"{url}/v1/chat/completions", json=body).status_code == 200
    items: list[Any] = list(api.conversations.items.list("conv_house", order="asc"))
    assert [item.role for item in items] == ["user", "assistant"] * 2
    for item in items[1::2]:
        (part,) = item.content
        (annotation,) = part.annotations
        cited(annotation, manual, part.text)


def test_what_is_wrong_is_said(url: str, store: str) -> None:
    post = partial(httpx.post, f"{url}/v1/responses", timeout=20)
    chat = partial(httpx.post, f"{url}/v1/chat/completions", timeout=20)
    asked: dict[str, Any] = {"input": QUESTION}
    said: dict[str, Any] = {"messages": [{"role": "user", "content": QUESTION}]}

    def inside(**tool: Any) -> list[Any]:
        return [{"type": "file_search", "file_search": tool}]

    wrong = [
        (post(json={**asked, "tools": [searching("vs_gone")]}), 404, "not_found", "tools[0].vector_store_ids[0]"),
        (
            post(json={**asked, "tools": [WEATHER, {"type": "file_search", "vector_store_ids": [store, "gone"]}]}),
            404, "not_found", "tools[1].vector_store_ids[1]",
        ),
        (post(json={**asked, "tools": [searching("vs_gone")], "stream": True}), 404, "not_found",
         "tools[0].vector_store_ids[0]"),
        (post(json={**asked, "tools": [{"type": "file_search"}]}), 400, "missing_field", "tools[0].vector_store_ids"),
        (post(json={**asked, "tools": [searching(store, max_num_results=51)]}), 400, "invalid_value",
         "tools[0].max_num_results"),
        (post(json={**asked, "tools": [searching(store, filters={"type": "eq", "key": "a", "value": "b"})]}), 400,
         "unsupported_parameter", "tools[0].filters"),
        (post(json={**asked, "tools": [searching(store), searching(store)]}), 400, "invalid_value", "tools[1]"),
        (post(json={**asked, "tools": [{"type": "web_search"}]}), 400, "unsupported_parameter", "tools[0].type"),
        (post(json={**asked, "tool_choice": {"type": "file_search"}}), 400, "unsupported_parameter",
         "tool_choice.type"),
        (chat(json={**said, "tools": inside(vector_store_ids=["gone"])}), 404, "not_found",
         "tools[0].file_search.vector_store_ids[0]"),
        (chat(json={**said, "tools": inside(vector_store_ids=["gone"]), "stream": True}), 404, "not_found",
         "tools[0].file_search.vector_store_ids[0]"),
        (chat(json={**said, "tools": [{"type": "file_search"}]}), 400, "missing_field", "tools[0].file_search"),
        (chat(json={**said, "tools": [*inside(vector_store_ids=[store]) * 2]}), 400, "invalid_value",
         "tools[1].file_search"),
    ]  # fmt: skip
    for answer, status, code, param in wrong:
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (status, code, param), answer.text


def test_nobody_searches_in_what_is_not_theirs(tmp_path: Path, stage: ScriptedStage) -> None:
    with furnished({"store": {"dir": str(tmp_path)}}, Stages(stage, stage, stage, stage), NAMES) as url:
        make = partial(appliance, "keys", "create", "--state-dir", str(tmp_path))
        with openai.OpenAI(base_url=f"{url}/v1", api_key=make("anna"), max_retries=0) as anna:
            store = shelved(anna, upload(anna, "coffee-machine.md", MANUAL))
        body = {"input": QUESTION, "tools": [searching(store)]}
        theirs = httpx.post(f"{url}/v1/responses", json=body, headers=bearer(make("ben")))
        assert (theirs.status_code, theirs.json()["error"]["param"]) == (404, "tools[0].vector_store_ids[0]")
        narrow = httpx.post(f"{url}/v1/responses", json=body, headers=bearer(make("anna", "--scope", "text")))
        assert (narrow.status_code, narrow.json()["error"]["code"]) == (403, "insufficient_permissions")
        assert stage.jobs == []


def test_every_job_of_a_reply_is_counted(tmp_path: Path, stage: ScriptedStage) -> None:
    with furnished({"store": {"dir": str(tmp_path)}}, Stages(stage, stage, stage, stage), NAMES) as url:
        key = appliance("keys", "create", "anna", "--state-dir", str(tmp_path))
        with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as anna:
            store = shelved(anna, upload(anna, "coffee-machine.md", MANUAL))
            anna.responses.create(input=QUESTION, model="default", tools=[searching(store)])
        (day,) = httpx.get(f"{url}/v1/usage", headers=bearer(key)).json()["data"]
        assert "40" in str(day)
        assert "12" in str(day)


# Spoken turns know nothing of documents: their stages do.


async def speaks(job: AnyJob, _: int) -> AsyncIterator[Any]:
    match job:
        case Transcribe():
            yield Heard(seconds=1.0, language="en", language_probability=1.0)
            yield Segment(id=0, start=0.0, end=1.0, text=QUESTION)
        case Generate():
            yield Token(text=ANSWER)
            yield ANSWERED
        case Speak():
            yield Audio(samples=SPEECH_RATE // 10), bytes(SPEECH_RATE // 5)


async def library(*_: Any, **__: Any) -> Sequence[Found]:
    text = "The coffee machine has to be descaled every three months."
    return [
        Found(
            document="file_1", name="coffee-machine.pdf", ordinal=2, heading="", page=3, start=0, text=text, score=1.0
        )
    ]


def test_a_spoken_turn_names_its_source_and_tells_it(tmp_path: Path) -> None:
    stage = ScriptedStage(speaks)
    how = Retrieval(owner=LOCAL, collections=(1,), aloud=True)
    stages = Stages(stage, Retrieving(stage, library, how), stage, stage)
    overrides: dict[str, dict[str, Any]] = {"store": {"dir": str(tmp_path)}, "http": {"open": True}}
    with furnished(overrides, stages, NAMES) as url:
        form = {"conversation": "conv_1"}
        events = {"accept": "text/event-stream"}
        answer = httpx.post(f"{url}/v1/voice/turns", files={"audio": b"RIFF"}, data=form, headers=events)
        done = [line for line in answer.text.splitlines() if line.startswith("data: ")][-1]
        body: Any = httpx.Response(200, content=done.removeprefix("data: ")).json()
        assert body["type"] == "turn.done"
        assert body["text"] == f"{ANSWER} Source: coffee machine, page 3."
        (source,) = body["sources"]
        assert (source["filename"], source["page"], source["passage"]) == ("coffee-machine.pdf", 3, 2)
        assert body["text"][source["start_index"] : source["end_index"]] == ANSWER
        kept = httpx.get(f"{url}/v1/conversations/conv_1/items").json()["data"][0]
        assert kept["content"][0]["text"] == body["text"]
        assert kept["content"][0]["annotations"] == [source]
        spoken = [job.text for job in stage.jobs if isinstance(job, Speak)]
        assert "Source: coffee machine, page 3." in " ".join(spoken)


async def test_any_stages_can_be_given_documents(tmp_path: Path) -> None:
    stage = ScriptedStage([Token(text=ANSWER), ANSWERED])
    given = settings.load(environ={}, overrides={"store": {"dir": str(tmp_path)}, "llm": {"context": 1024}})
    database = Database(given.database)
    box = make_box(given, Stages(stage, stage, stage, stage), NAMES, database, dict)
    async with database.running():
        numbers = await numbers_of(box, LOCAL, [(await box.collections.create(LOCAL)).id], "collections")
        with pytest.raises(NotFound) as gone:
            await numbers_of(box, LOCAL, ["gone"], "collections")
        assert gone.value.param == "collections[0]"
        stages = with_documents(box.stages, box.search, LOCAL, numbers, "automatic", context=1024, aloud=True)
        assert (stages.stt, stages.tts, stages.turn) == (box.stages.stt, box.stages.tts, box.stages.turn)
        job = Generate(messages=[Message("user", QUESTION)])
        async with stages.llm.stream(job) as answer:
            parts = [part async for part, _ in answer]
        assert stage.jobs == [job]  # there is nothing in the collection
        assert parts == [Token(text=ANSWER), ANSWERED]
