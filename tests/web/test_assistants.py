"""Assistants: made, found, changed, shared and deleted with OpenAI's own client. Real sockets, real SQLite."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from scripted import END, ScriptedStage, doors
from test_identity import appliance, locked

from appliance.jobs import Token
from appliance.store import assistants as store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings(
    "ignore:deprecated:DeprecationWarning"
)  # OpenAI's word for its own client's part
LOOK: Any = {
    "name": "look",
    "description": "Looks out of the window.",
    "parameters": {"type": "object", "properties": {}},
    "strict": None,
}


@pytest.fixture
def url() -> Iterator[str]:
    with doors(stage=ScriptedStage([Token(text="Hello."), END])) as address:
        yield address


@pytest.fixture
def people(tmp_path: Path) -> Iterator[dict[str, openai.OpenAI]]:
    """Clients of one box: two users, two admins, and a key of the first user's for text alone."""
    make = partial(appliance, "keys", "create", "--state-dir", str(tmp_path))
    with locked(tmp_path) as url:
        keys = {
            "anna": make("anna"), "ben": make("ben"), "root": make("root", "--role", "admin"),
            "second": make("second", "--role", "admin"),
            "reader": make("paper", "--user", "anna", "--scope", "text"),
        }  # fmt: skip
        clients = {
            who: openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) for who, key in keys.items()
        }  # fmt: skip
        yield clients
        for client in clients.values():
            client.close()


def plain(found: Any) -> dict[str, Any]:
    body: dict[str, Any] = found.to_dict()
    return body


def test_openai_client_makes_changes_and_deletes_assistants(scripted: openai.OpenAI) -> None:
    beta = scripted.beta.assistants
    stores = [scripted.vector_stores.create(name=name).id for name in ("b", "a")]
    made = beta.create(
        model="brain", name="Kitchen Help", description="Cooks.", instructions="Speak of food only.",
        tools=[{"type": "file_search"}, {"type": "function", "function": LOOK}], temperature=0.0, top_p=0.5,
        tool_resources={"file_search": {"vector_store_ids": [*stores, stores[0]]}}, metadata={"floor": "1"},
        response_format="auto", extra_body={"voice": "joe", "language": "de-AT"},
    )  # fmt: skip
    assert made.id.startswith("asst_")
    assert plain(made) == {
        "id": made.id, "object": "assistant", "created_at": made.created_at, "name": "Kitchen Help",
        "description": "Cooks.", "model": "brain", "instructions": "Speak of food only.",
        "tools": [{"type": "function", "function": LOOK}, {"type": "file_search"}],
        "tool_resources": {"file_search": {"vector_store_ids": stores}}, "temperature": 0.0, "top_p": 0.5,
        "metadata": {"floor": "1"}, "response_format": "auto", "voice": "joe", "language": "de", "retrieval": "tool",
        "shared": False, "owned_by": "local",
    }  # fmt: skip
    assert plain(beta.retrieve(made.id)) == plain(made)
    changed = beta.update(made.id, name="Cook", extra_body={"temperature": None, "language": None})
    assert plain(changed) == {**plain(made), "name": "Cook", "temperature": None, "language": None}
    assert plain(beta.update(made.id)) == plain(changed)
    bare = beta.create(model="default", name="bare")
    assert plain(bare) == {
        **plain(bare), "description": None, "instructions": None, "tools": [], "temperature": None, "top_p": None,
        "tool_resources": {"file_search": {"vector_store_ids": []}}, "metadata": {}, "voice": None, "language": None,
        "retrieval": "automatic",
    }  # fmt: skip
    assert [each.name for each in beta.list()] == ["bare", "Cook"]
    assert [each.name for each in beta.list(order="asc", limit=1)] == ["Cook", "bare"]
    assert [each.name for each in beta.list(after=bare.id)] == ["Cook"]
    gone = beta.delete(made.id)
    assert (gone.id, gone.object, gone.deleted) == (made.id, "assistant.deleted", True)
    for look in (beta.retrieve, beta.delete, beta.update):
        with pytest.raises(openai.NotFoundError):
            look(made.id)
    assert [each.id for each in scripted.vector_stores.list(order="asc")] == stores


def test_how_documents_are_found_follows_from_the_tools_unless_it_is_said(scripted: openai.OpenAI) -> None:
    beta = scripted.beta.assistants
    found = [scripted.vector_stores.create().id]
    searching: Any = {"tools": [{"type": "file_search"}]}
    resources: Any = {"tool_resources": {"file_search": {"vector_store_ids": found}}}

    def way(assistant: Any) -> tuple[str, list[str]]:
        shown = [tool["type"] for tool in plain(assistant)["tools"]]
        assert (shown == ["file_search"]) == (assistant.retrieval == "tool")
        return assistant.retrieval, assistant.tool_resources.file_search.vector_store_ids

    assert way(beta.create(model="default", name="a", **searching)) == ("tool", [])
    made = beta.create(model="default", name="b", **resources)
    assert way(made) == ("automatic", found)
    assert way(beta.update(made.id, **searching)) == ("tool", found)
    assert way(beta.update(made.id, tools=[])) == ("automatic", found)
    assert way(beta.update(made.id, extra_body={"retrieval": "tool"})) == ("tool", found)
    assert way(beta.update(made.id, **searching, extra_body={"retrieval": "automatic"})) == ("automatic", found)
    assert way(beta.update(made.id, tool_resources={"file_search": {"vector_store_ids": []}})) == ("automatic", [])
    assert way(beta.update(made.id, **resources)) == ("automatic", found)
    scripted.vector_stores.delete(found[0])
    assert way(beta.retrieve(made.id)) == ("automatic", [])


@pytest.mark.parametrize(
    ("body", "param", "code", "status"),
    [
        ({}, "name", "missing_field", 400),
        ({"name": None}, "name", "invalid_value", 400),
        ({"name": ""}, "name", "invalid_value", 400),
        ({"name": "x" * 65}, "name", "invalid_value", 400),
        ({"name": "a/b"}, "name", "invalid_value", 400),
        ({"name": " a"}, "name", "invalid_value", 400),
        ({"name": "a\nb"}, "name", "invalid_value", 400),
        ({"name": ".."}, "name", "invalid_value", 400),
        ({"name": "asst_1"}, "name", "invalid_value", 400),
        *(({"name": name}, "name", "invalid_value", 400) for name in ("brain", "Default", "ears", "GPT-Realtime")),
        ({"name": "text-embedding-3-small"}, "name", "invalid_value", 400),
        ({"name": "KITCHEN"}, "name", "invalid_value", 400),
        ({"model": "ears"}, "model", "model_not_found", 404),
        ({"model": "gpt-4o"}, "model", "model_not_found", 404),
        ({"voice": "bob"}, "voice", "voice_not_found", 404),
        ({"language": "klingon"}, "language", "invalid_value", 400),
        ({"temperature": 2.1}, "temperature", "invalid_value", 400),
        ({"instructions": "x" * 32_001}, "instructions", "invalid_value", 400),
        ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_parameter", 400),
        ({"reasoning_effort": "high"}, "reasoning_effort", "unsupported_parameter", 400),
        ({"tools": [{"type": "code_interpreter"}]}, "tools[0].type", "unsupported_parameter", 400),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_field", 400),
        (
            {"tools": [{"type": "file_search"}, {"type": "function", "function": {"name": "a b"}}]},
            "tools[1].function.name", "invalid_value", 400,
        ),
        ({"tool_resources": {"code_interpreter": {"file_ids": ["a"]}}}, "tool_resources.code_interpreter",
         "unsupported_parameter", 400),
        ({"tool_resources": {"file_search": {"vector_stores": [{}]}}}, "tool_resources.file_search.vector_stores",
         "unsupported_parameter", 400),
        ({"tool_resources": {"file_search": {"vector_store_ids": ["vs_none"]}}},
         "tool_resources.file_search.vector_store_ids[0]", "not_found", 404),
        ({"tool_resources": {"file_search": {"vector_store_ids": [str(number) for number in range(17)]}}},
         "tool_resources.file_search.vector_store_ids", "invalid_value", 400),
        ({"metadata": {"k": "v" * 513}}, "metadata[...]", "invalid_value", 400),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(url: str, body: dict[str, Any], param: str, code: str, status: int) -> None:
    httpx.post(f"{url}/v1/assistants", json={"name": "Kitchen"}).raise_for_status()
    other = httpx.post(f"{url}/v1/assistants", json={"name": "other"}).json()["id"]
    posts = [(f"{url}/v1/assistants", body if param == "name" else {"name": "new", **body})]
    if body:
        posts.append((f"{url}/v1/assistants/{other}", body))
    for address, sent in posts:
        answer = httpx.post(address, json=sent)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (status, code, param), answer.text
    names = [each["name"] for each in httpx.get(f"{url}/v1/assistants").json()["data"]]
    assert names == ["other", "Kitchen"]


def test_a_name_can_be_written_anew_and_given_again(scripted: openai.OpenAI) -> None:
    beta = scripted.beta.assistants
    made = beta.create(model="default", name="Straße")
    assert beta.update(made.id, name="STRASSE").name == "STRASSE"
    with pytest.raises(openai.BadRequestError, match="already"):
        beta.create(model="default", name="straße")
    beta.delete(made.id)
    assert beta.create(model="default", name="straße").name == "straße"


def test_there_are_so_many_at_most(scripted: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_ASSISTANTS", 2)
    for name in ("a", "b"):
        scripted.beta.assistants.create(model="default", name=name)
    with pytest.raises(openai.BadRequestError, match="2 assistants already"):
        scripted.beta.assistants.create(model="default", name="c")


def test_others_see_none_of_it(people: dict[str, openai.OpenAI]) -> None:
    anna, store_id = people["anna"], people["anna"].vector_stores.create().id
    made = anna.beta.assistants.create(model="default", name="mine")
    say: list[Any] = [{"role": "user", "content": "Hi"}]
    resources: Any = {"file_search": {"vector_store_ids": [store_id]}}
    thefts: list[Callable[[openai.OpenAI], Any]] = [
        lambda api: api.beta.assistants.retrieve(made.id),
        lambda api: api.beta.assistants.update(made.id, name="x"),
        lambda api: api.beta.assistants.delete(made.id),
        lambda api: api.beta.assistants.list(after=made.id),
        lambda api: api.beta.assistants.create(model="default", name="thief", tool_resources=resources),
        lambda api: api.models.retrieve("mine"),
        lambda api: api.models.retrieve(made.id),
        lambda api: api.chat.completions.create(model="mine", messages=say),
        lambda api: api.responses.create(model=made.id, input="Hi"),
    ]
    for other in (people["ben"], people["root"]):
        for steal in thefts:
            with pytest.raises(openai.NotFoundError):
                steal(other)
        assert list(other.beta.assistants.list()) == []
        assert "mine" not in {each.id for each in other.models.list()}
        assert other.beta.assistants.create(model="default", name="mine").id != made.id  # a name of their own


def test_an_admin_shares_and_others_use_and_do_not_change(people: dict[str, openai.OpenAI]) -> None:
    root, ben, anna = (people[who] for who in ("root", "ben", "anna"))
    with pytest.raises(openai.PermissionDeniedError, match="admin"):
        anna.beta.assistants.create(model="default", name="all", extra_body={"shared": True})
    store_id = root.vector_stores.create().id
    resources: Any = {"file_search": {"vector_store_ids": [store_id]}}
    made = root.beta.assistants.create(
        model="default",
        name="Guide",
        instructions="Guide.",
        tool_resources=resources,
        metadata={"for": "guests"},
        extra_body={"shared": True},
    )
    kept: Any = root.beta.assistants.retrieve(made.id)
    assert (kept.instructions, kept.metadata, kept.tool_resources.file_search.vector_store_ids) == (
        "Guide.", {"for": "guests"}, [store_id],
    )  # fmt: skip
    seen: Any = ben.beta.assistants.retrieve(made.id)
    assert (seen.name, seen.shared, seen.owned_by) == ("Guide", True, "appliance")
    listed: Any = next(iter(ben.beta.assistants.list()))
    for told in (seen, listed):  # what it is made of is its owner's to know
        assert (told.instructions, told.metadata, told.tool_resources.file_search.vector_store_ids) == (None, {}, [])
    assert [each.id for each in ben.beta.assistants.list()] == [made.id]
    say: list[Any] = [{"role": "user", "content": "Hi"}]
    assert ben.chat.completions.create(model="guide", messages=say).model == "guide"
    for change in (lambda: ben.beta.assistants.update(made.id, name="x"), lambda: ben.beta.assistants.delete(made.id)):
        with pytest.raises(openai.PermissionDeniedError, match="owner"):
            change()
    with pytest.raises(openai.NotFoundError):
        ben.vector_stores.retrieve(store_id)
    with pytest.raises(openai.NotFoundError):  # nor can its documents be taken into another
        ben.beta.assistants.create(model="default", name="copy", tool_resources=resources)
    own: Any = ben.beta.assistants.create(model="default", name="guide")  # one's own goes first
    shown = {each.id: each.owned_by for each in ben.models.list()}
    assert ("Guide" in shown, shown["guide"]) == (False, "ben")
    assert ben.models.retrieve(made.id).owned_by == "appliance"
    assert {each.id: each.owned_by for each in anna.models.list()}["Guide"] == "appliance"
    second = people["second"].beta.assistants
    clash = second.create(model="default", name="GUIDE").id
    with pytest.raises(openai.BadRequestError, match="a shared assistant named 'GUIDE'"):
        second.update(clash, extra_body={"shared": True})
    root.beta.assistants.update(made.id, extra_body={"shared": False})
    with pytest.raises(openai.NotFoundError):
        anna.beta.assistants.retrieve(made.id)
    assert [each.id for each in ben.beta.assistants.list()] == [own.id]
    log = root.get("/admin/audit", cast_to=httpx.Response).json()["data"]
    assert [each["object"] for each in log if each["action"] == "assistant shared"] == [made.id]


def test_a_key_for_text_looks_and_uses_and_makes_none(people: dict[str, openai.OpenAI]) -> None:
    reader = people["reader"]
    made = people["anna"].beta.assistants.create(model="default", name="mine")
    assert [each.id for each in reader.beta.assistants.list()] == [made.id]
    say: list[Any] = [{"role": "user", "content": "Hi"}]
    assert reader.chat.completions.create(model="mine", messages=say).model == "mine"
    for change in (
        lambda: reader.beta.assistants.create(model="default", name="x"),
        lambda: reader.beta.assistants.update(made.id, name="x"),
        lambda: reader.beta.assistants.delete(made.id),
    ):
        with pytest.raises(openai.PermissionDeniedError, match="knowledge"):
            change()


def test_models_list_assistants_by_name(scripted: openai.OpenAI) -> None:
    made = scripted.beta.assistants.create(model="default", name="Kitchen Help")
    listed = {each.id: each for each in scripted.models.list()}
    for found in (listed["Kitchen Help"], scripted.models.retrieve("kitchen help"), scripted.models.retrieve(made.id)):
        assert plain(found) == {
            "id": "Kitchen Help", "object": "model", "created": made.created_at, "owned_by": "local", "role": "llm",
            "alias_of": None, "voices": [], "languages": [],
        }  # fmt: skip
    assert listed["brain"].owned_by == "appliance"
