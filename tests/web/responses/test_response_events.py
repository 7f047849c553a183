"""`/v1/responses` as a stream, and what becomes of it when something goes wrong."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import openai
import pytest
from scripted import ScriptedStage

from appliance.errors import EngineDown, RequestError
from appliance.jobs import (
    Thought,
    Token,
)
from responses.responding import END, HELLO, TWO_CALLS, WEATHER, Colour

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def test_events(client: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = [Thought(text="Hm."), *HELLO]
    events = list(client.responses.create(model="default", input="Hi", stream=True))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1].type == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert deltas == ["Hello ", "there."]
    assert [event.delta for event in events if event.type == "response.reasoning_text.delta"] == ["Hm."]
    response = events[-1].response
    assert response.output_text == "Hello there."
    assert client.responses.retrieve(response.id) == response
    assert stage.aborted == 0


def test_events_have_names(url: str) -> None:
    answer = httpx.post(f"{url}/responses", json={"input": "Hi", "stream": True})
    assert answer.headers["content-type"] == "text/event-stream"
    blocks = [block.splitlines() for block in answer.text.strip().split("\n\n")]
    for name, data in blocks:
        assert name.removeprefix("event: ") == json.loads(data.removeprefix("data: "))["type"]
    assert blocks[-1][0] == "event: response.completed"


def test_the_client_follows_a_stream(client: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = TWO_CALLS
    with client.responses.stream(model="default", input="Weather?", tools=[WEATHER]) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.function_call_arguments.delta"]
        final = stream.get_final_response()
    assert snapshots == ['{"city": ', '{"city": "Rome"}', '{"city": "Oslo"}']
    assert [call.parsed_arguments for call in final.output if call.type == "function_call"] == [
        {"city": "Rome"},
        {"city": "Oslo"},
    ]


def test_the_client_parses(client: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = [Token(text='{"name": '), Token(text='"blue"}'), END]
    parsed = client.responses.parse(model="default", input="A colour", text_format=Colour)
    assert parsed.output_parsed == Colour(name="blue")
    assert stage.job.schema["properties"]["name"]["enum"] == ["red", "blue"]
    with client.responses.stream(model="default", input="A colour", text_format=Colour) as stream:
        done = [event.parsed for event in stream if event.type == "response.output_text.done"]
    assert done == [Colour(name="blue")]


async def test_the_asynchronous_client(url: str, stage: ScriptedStage) -> None:
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        response = await client.responses.create(model="default", input="Hi")
        assert response.output_text == "Hello there."
        stream = await client.responses.create(model="default", input="Hi", stream=True)
        assert [event.type async for event in stream][-1] == "response.completed"
        async with client.responses.stream(model="default", input="Hi") as following:
            assert (await following.get_final_response()).output_text == "Hello there."
        listed = await client.responses.input_items.list(response.id)
        assert [item.type async for item in listed] == ["message"]


def test_a_failure_after_the_first_words(client: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = [Thought(text="Hm."), Token(text="He"), EngineDown("The stage went away.")]
    *events, told, failed = client.responses.create(model="default", input="Hi", stream=True)
    assert events[0].type == "response.created"
    assert told.type == "error"
    assert (told.code, told.message) == ("engine_down", "The stage went away.")
    assert failed.type == "response.failed"
    assert failed.response.status == "failed"
    assert failed.response.error
    assert (failed.response.error.code, failed.response.error.message) == ("server_error", "The stage went away.")
    assert [item.type for item in failed.response.output] == ["reasoning", "message"]
    with pytest.raises(openai.APIStatusError) as raised:
        client.responses.create(model="default", input="Hi")
    assert (raised.value.status_code, raised.value.code) == (503, "engine_down")


def test_a_fault_of_ours_after_the_first_words(client: openai.OpenAI, stage: ScriptedStage) -> None:
    scripts: list[list[Any]] = [[Token(text="He"), ZeroDivisionError("secret")], [Token(text="He")]]
    for faulty in scripts:
        stage.script = faulty
        *_, failed = client.responses.create(model="default", input="Hi", stream=True)
        assert failed.type == "response.failed"
        assert failed.response.error
        assert failed.response.error.code == "server_error"
        assert "secret" not in failed.response.error.message


@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_before_the_first_word_has_its_status(
    client: openai.OpenAI, stage: ScriptedStage, stream: Any
) -> None:
    stage.script = [EngineDown("The stage is starting.", retry_after=5)]
    with pytest.raises(openai.APIStatusError) as raised:
        client.responses.create(model="default", input="Hi", stream=stream)
    assert (raised.value.status_code, raised.value.response.headers["retry-after"]) == (503, "5")
    stage.script = [RequestError("Too long.", code="context_length_exceeded", param="messages")]
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="default", input="Hi", stream=stream)
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "input")


def bounded(most: int) -> Any:
    """A script of an engine that reads `most` messages at most."""

    async def play(job: Any, _: int) -> AsyncIterator[Any]:
        if len(job.messages) > most:
            yield RequestError("Too long.", code="context_length_exceeded", param="messages")
        for part in HELLO:
            yield part

    return play


TALK: list[Any] = [
    {"role": role, "content": f"{role} {number}"} for number in range(6) for role in ("user", "assistant")
]


@pytest.mark.parametrize("stream", [False, True])
def test_truncation_drops_the_oldest(client: openai.OpenAI, stage: ScriptedStage, stream: Any) -> None:
    given: Any = [{"role": "system", "content": "Be kind."}, *TALK, {"role": "user", "content": "last"}]
    stage.script = bounded(6)
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model="default", input=given)
    assert raised.value.code == "context_length_exceeded"
    made = client.responses.create(model="default", input=given, truncation="auto", stream=stream)
    response = list(made)[-1].response if stream else made
    assert response.output_text == "Hello there."
    assert response.truncation == "auto"
    told = [message.content for message in stage.job.messages]
    assert told[0] == "Be kind."
    assert told[1].startswith("user")
    assert told[-1] == "last"
    assert len(told) >= 4
    assert len(client.responses.input_items.list(response.id, limit=100).data) == len(given)
    stage.script = bounded(1)
    with pytest.raises(openai.BadRequestError):
        client.responses.create(model="default", input=given, truncation="auto")
    assert len(stage.job.messages) == 2


def test_leaving_a_stream_ends_the_job(url: str, stage: ScriptedStage) -> None:
    ended = threading.Event()

    async def endless(_: Any, __: int) -> AsyncIterator[Any]:
        yield Token(text="He")
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    stage.script = endless
    with httpx.stream("POST", f"{url}/responses", json={"input": "Hi", "stream": True}) as answer:
        next(answer.iter_raw())
    assert ended.wait(30)
