"""Conversations: begun, found, gone on from by every door, taken along, deleted. Real sockets, OpenAI's own client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from scripted import END, ScriptedStage, doors

from appliance.errors import RequestError
from appliance.jobs import Arguments, Called, Generated, Message, Token

if TYPE_CHECKING:
    from collections.abc import Iterator

STOP = Generated(finish_reason="stop", prompt_tokens=5, completion_tokens=3)


@pytest.fixture
def stage() -> ScriptedStage:
    return ScriptedStage([Token(text="Hello"), Token(text=" there."), STOP])


@pytest.fixture
def url(stage: ScriptedStage) -> Iterator[str]:
    with doors(stage=stage) as address:
        yield address


def spoken(stage: ScriptedStage) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in stage.job.messages]


def test_openai_client_keeps_conversations(scripted: openai.OpenAI) -> None:
    begun = scripted.conversations.create(
        metadata={"topic": "demo"}, items=[{"type": "message", "role": "user", "content": "Hello!"}]
    )
    assert begun.id.startswith("conv_")
    assert begun.metadata == {"topic": "demo"}
    more: list[Any] = [
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]},
    ]
    added = scripted.conversations.items.create(begun.id, items=more)
    assert [item.type for item in added.data] == ["function_call", "function_call_output", "message"]
    newest = scripted.conversations.items.list(begun.id, limit=2)
    assert [item.type for item in newest.data] == ["message", "function_call_output"]
    assert newest.has_more
    everything = list(scripted.conversations.items.list(begun.id, limit=2, order="asc"))
    assert [item.type for item in everything] == ["message", "function_call", "function_call_output", "message"]
    assert everything[0].id is not None
    first: Any = scripted.conversations.items.retrieve(everything[0].id, conversation_id=begun.id)
    assert first.content[0].text == "Hello!"
    assert scripted.conversations.update(begun.id, metadata={"topic": "other"}).metadata == {"topic": "other"}
    assert scripted.conversations.items.delete(everything[0].id, conversation_id=begun.id).id == begun.id
    with pytest.raises(openai.NotFoundError):
        scripted.conversations.items.retrieve(everything[0].id, conversation_id=begun.id)
    assert scripted.conversations.delete(begun.id).deleted
    with pytest.raises(openai.NotFoundError):
        scripted.conversations.retrieve(begun.id)


def test_chats_and_responses_go_on_from_one_conversation(scripted: openai.OpenAI, stage: ScriptedStage) -> None:
    say: list[Any] = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "One"}]
    scripted.chat.completions.create(model="default", messages=say, extra_body={"conversation": "kitchen"})
    assert spoken(stage) == [("system", "Be kind."), ("user", "One")]
    streamed = scripted.chat.completions.create(
        model="default", messages=[*say[:1], {"role": "user", "content": "Two"}], stream=True,
        extra_body={"conversation": "kitchen"},
    )  # fmt: skip
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == "Hello there."
    before = [("user", "One"), ("assistant", "Hello there.")]
    assert spoken(stage) == [("system", "Be kind."), *before, ("user", "Two")]
    answer = scripted.responses.create(model="default", input="Three", conversation="kitchen", instructions="Short.")
    assert answer.conversation is not None
    assert answer.conversation.id == "kitchen"
    before += [("user", "Two"), ("assistant", "Hello there.")]
    assert spoken(stage) == [("system", "Short."), *before, ("user", "Three")]
    with scripted.responses.stream(model="default", input="Four", conversation="kitchen") as events:
        events.until_done()
    before += [("user", "Three"), ("assistant", "Hello there.")]
    assert spoken(stage) == [*before, ("user", "Four")]
    kept: list[Any] = list(scripted.conversations.items.list("kitchen", order="asc"))
    assert [item.content[0].text for item in kept if item.role == "user"] == ["One", "Two", "Three", "Four"]


def test_calls_and_their_answers_are_gone_on_from(scripted: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = [Called(index=0, id="call_1", name="look"), Arguments(index=0, text="{}"), END]
    tools: list[Any] = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    asked: dict[str, Any] = {"model": "default", "tools": tools, "extra_body": {"conversation": "weather"}}
    scripted.chat.completions.create(messages=[{"role": "user", "content": "Weather?"}], **asked)
    stage.script = [Token(text="Rain."), STOP]
    found = scripted.responses.create(
        model="default", conversation="weather",
        input=[{"type": "function_call_output", "call_id": "call_1", "output": "rain"}],
    )  # fmt: skip
    assert found.output_text == "Rain."
    assert stage.job.messages == [
        Message("user", "Weather?"),
        Message("assistant", "", tool_calls=[stage.job.messages[1].tool_calls[0]]),
        Message("tool", "rain", tool_call_id="call_1"),
    ]


def test_a_reply_that_breaks_off_is_remembered_as_far_as_it_came(url: str, stage: ScriptedStage) -> None:
    stage.script = [Token(text="Hello"), RuntimeError("broken")]
    body = {"messages": [{"role": "user", "content": "Hi"}], "conversation": "c", "stream": True}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body)
    assert "internal_error" in answer.text
    items = httpx.get(f"{url}/v1/conversations/c/items?order=asc").json()["data"]
    assert [(item["role"], item["content"][0]["text"], item["status"]) for item in items] == [
        ("user", "Hi", "completed"),
        ("assistant", "Hello", "incomplete"),
    ]


def test_a_long_conversation_is_shortened_to_what_the_model_holds(
    scripted: openai.OpenAI, stage: ScriptedStage
) -> None:
    def script(job: Any, _: int) -> Any:
        async def play() -> Any:
            if len(job.messages) > 5:
                yield RequestError("too long", code="context_length_exceeded", param="messages")
            else:
                yield Token(text="ok")
                yield STOP

        return play()

    stage.script = script
    for number in range(6):
        say: list[Any] = [{"role": "user", "content": str(number)}]
        scripted.chat.completions.create(model="default", messages=say, extra_body={"conversation": "long"})
    assert [text for _, text in spoken(stage)] == ["3", "ok", "4", "ok", "5"]
    assert len(list(scripted.conversations.items.list("long"))) == 12


@pytest.fixture
def api(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{url}/v1/conversations") as client:
        yield client


def test_they_are_listed_searched_renamed_and_exported(api: httpx.Client) -> None:
    for number in range(5):
        items = [{"role": "user", "content": f"My {('cat', 'dog')[number % 2]} is number {number}"}]
        assert api.post("", json={"id": f"c{number}", "items": items}).status_code == 200
    page = api.get("", params={"limit": 2}).json()
    assert [each["id"] for each in page["data"]] == ["c4", "c3"]
    assert page["has_more"]
    rest = api.get("", params={"after": page["last_id"]}).json()
    assert [each["id"] for each in rest["data"]] == ["c2", "c1", "c0"]
    assert not rest["has_more"]
    found = api.get("", params={"query": 'cat "num'}).json()["data"]
    assert [each["id"] for each in found] == ["c4", "c2", "c0"]
    snippet = found[0]["snippet"]
    assert [snippet["text"][begin:end] for begin, end in snippet["matches"]] == ["cat", "number"]
    assert found[0]["title"] == "My cat is number 4"
    assert api.patch("/c1", json={"title": "About 100% dogs"}).json()["title"] == "About 100% dogs"
    assert [each["id"] for each in api.get("", params={"query": "100% dogs"}).json()["data"]] == ["c1"]
    for nothing in ("NOT ( * : ^", "???", "zebra"):
        assert api.get("", params={"query": nothing}).json()["data"] == []
    exported = api.get("/c1/export")
    assert exported.headers["content-disposition"] == 'attachment; filename="c1.json"'
    whole = exported.json()
    assert whole["conversation"]["title"] == "About 100% dogs"
    assert whole["items"][0]["content"][0]["text"] == "My dog is number 1"
    assert whole["items"][0]["created_at"] == whole["conversation"]["created_at"]
    text = api.get("/c1/export", params={"format": "markdown"}).text
    assert text.startswith("# About 100% dogs\n")
    assert "\n**User:** My dog is number 1\n" in text


def test_items_say_when_they_were_kept_whatever_a_client_says(api: httpx.Client) -> None:
    items = [
        {"role": "user", "content": "Hi", "created_at": 1}, {"type": "reasoning", "created_at": "now"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "1"},
    ]  # fmt: skip
    begun = api.post("", json={"id": "c", "items": items}).json()["created_at"]
    listed = api.get("/c/items").json()["data"]
    assert [item["created_at"] for item in listed] == [begun] * 4
    assert api.get(f"/c/items/{listed[0]['id']}").json()["created_at"] == begun


def test_a_turn_that_is_tried_again_takes_the_place_of_its_first_try(url: str, stage: ScriptedStage) -> None:
    def say(words: str, key: str) -> None:
        body = {"messages": [{"role": "user", "content": words}], "conversation": "c"}
        httpx.post(f"{url}/v1/chat/completions", json=body, headers={"idempotency-key": key}).raise_for_status()

    say("One", "first")
    say("Two", "second")
    say("One", "first")
    assert spoken(stage) == [("user", "Two"), ("assistant", "Hello there."), ("user", "One")]
    say("Three", "third")
    assert [text for role, text in spoken(stage) if role == "user"] == ["One", "Two", "Three"]


def test_an_id_that_is_taken_loses_nothing(url: str, scripted: openai.OpenAI) -> None:
    for words in ("my name is Anna", "what is my name?"):
        item: Any = {"id": "msg_1", "type": "message", "role": "user", "content": words}
        scripted.responses.create(model="default", conversation="c", input=[item])
    kept: list[Any] = list(scripted.conversations.items.list("c", order="asc"))
    texts = [item.content[0].text for item in kept if item.role == "user"]
    assert texts == ["my name is Anna", "what is my name?"]
    assert len({item.id for item in kept}) == 4
    for items in ([{"id": "msg_1", "role": "user", "content": "x"}], [{"id": "n", "role": "user", "content": "x"}] * 2):
        answer = httpx.post(f"{url}/v1/conversations/c/items", json={"items": items})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "items")
    assert len(list(scripted.conversations.items.list("c"))) == 4


def test_responses_go_with_their_conversation(scripted: openai.OpenAI) -> None:
    made = scripted.responses.create(model="default", conversation="c", input="A secret")
    scripted.conversations.delete("c")
    with pytest.raises(openai.NotFoundError):
        scripted.responses.retrieve(made.id)


def test_a_page_is_bounded_in_size(url: str) -> None:
    for number in range(4):
        items = [{"role": "user", "content": f"{number}" * 900_000} for _ in range(2)]
        httpx.post(f"{url}/v1/conversations", json={"id": f"c{number}"}).raise_for_status()
        httpx.post(f"{url}/v1/conversations/c0/items", json={"items": items}).raise_for_status()
    page = httpx.get(f"{url}/v1/conversations/c0/items?limit=100&order=asc").json()
    assert (len(page["data"]), page["has_more"]) == (4, True)
    rest = httpx.get(f"{url}/v1/conversations/c0/items?limit=100&order=asc&after={page['last_id']}").json()
    assert len(rest["data"]) == 4
    large = {"items": [{"role": "user", "content": "x" * 8_000_000}]}
    assert httpx.post(f"{url}/v1/conversations/c0/items", json=large).status_code == 413


BAD = {
    "a second one": ("POST", "", {"id": "there"}, 400, "id"),
    "its id": ("POST", "", {"id": "no such"}, 400, "id"),
    "its title": ("POST", "", {"title": ""}, 400, "title"),
    "its metadata": ("POST", "", {"metadata": {"a": 1}}, 400, "metadata[...]"),
    "an item": ("POST", "", {"items": [{"role": "user"}]}, 400, "items[0].content"),
    "a reference": ("POST", "", {"items": [{"type": "item_reference", "id": "a"}]}, 400, "items[0].type"),
    "items for nobody": ("POST", "/gone/items", {"items": []}, 404, "conversation"),
    "a change": ("PATCH", "/gone", {"title": "x"}, 404, "conversation"),
    "a deletion": ("DELETE", "/gone", None, 404, "conversation"),
    "an export": ("GET", "/gone/export", None, 404, "conversation"),
    "a form": ("GET", "/there/export?format=pdf", None, 400, "format"),
    "a place": ("GET", "/there/items?after=gone", None, 400, "after"),
    "a page": ("GET", "?after=gone", None, 404, "conversation"),
    "a search": ("GET", f"?query={'x' * 201}", None, 400, "query"),
    "a limit": ("GET", "?limit=0", None, 400, "limit"),
    "one item": ("GET", "/there/items/gone", None, 404, "item_id"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said(url: str, name: str) -> None:
    method, path, body, status, param = BAD[name]
    httpx.post(f"{url}/v1/conversations", json={"id": "there"}).raise_for_status()
    answer = httpx.request(method, f"{url}/v1/conversations{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param), answer.text


def test_a_long_conversation_is_exported_whole(url: str) -> None:
    items = [{"role": "user", "content": str(number)} for number in range(450)]
    httpx.post(f"{url}/v1/conversations", json={"id": "long", "items": items}).raise_for_status()
    whole = json.loads(httpx.get(f"{url}/v1/conversations/long/export").content)
    assert [item["content"][0]["text"] for item in whole["items"]] == [str(number) for number in range(450)]
