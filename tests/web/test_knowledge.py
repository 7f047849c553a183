"""Documents handed in, read, searched and deleted, with OpenAI's own client. Real sockets, real readers."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import openai
import psutil
import pytest
from scripted import ScriptedStage, furnished
from test_identity import appliance, bearer

from appliance.callers.names import Names
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READ_SECONDS = 300
"""A reader has the lowest priority: beside other tests little of two cores is left for it."""
LOOK_SECONDS = 0.05
MANUAL = """# Heat pump

## Setup

Switch the pump on with the green button and wait until the lamp is steady.

## Maintenance

Clean the filter every three months. Use lukewarm water and no soap.

## Faults

Error E7 means that the condenser is frozen. Switch the pump off for an hour.
"""
POEM = "The sea is wide and the moon is bright. Nobody repairs a condenser at night.\n"


def served(folder: Path, **sections: dict[str, Any]) -> Any:
    stage = ScriptedStage()
    overrides: dict[str, dict[str, Any]] = {"store": {"dir": str(folder)}, **sections}
    return furnished(overrides, Stages(stage, stage, stage, stage), Names(stt="e", llm="b", voices={"joe": "m"}))


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with served(tmp_path, http={"open": True}) as address:
        yield address


@pytest.fixture
def api(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


def until_read(api: openai.OpenAI, file: str) -> Any:
    deadline = time.monotonic() + READ_SECONDS
    while (found := api.files.retrieve(file)).status == "uploaded":
        assert time.monotonic() < deadline
        time.sleep(LOOK_SECONDS)  # who asks without a pause takes the reader's core
    return found


def upload(api: openai.OpenAI, name: str, content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return api.files.create(file=(name, data), purpose="assistants").id


def test_openai_client_finds_what_documents_say(api: openai.OpenAI) -> None:
    manual, poem = upload(api, "manual.md", MANUAL), upload(api, "poem.txt", POEM)
    store = api.vector_stores.create(name="House", file_ids=[manual, poem], metadata={"floor": "1"})
    assert store.name == "House"
    for file in (manual, poem):
        assert until_read(api, file).status == "processed"
    store = api.vector_stores.retrieve(store.id)
    assert (store.status, store.file_counts.completed, store.file_counts.total) == ("completed", 2, 2)
    found = api.vector_stores.search(store.id, query="What does error E7 mean?")
    best: Any = next(iter(found))
    assert (best.file_id, best.filename, best.score) == (manual, "manual.md", 1.0)
    assert "condenser is frozen" in best.content[0].text
    assert best.place["heading"].startswith("Heat pump")
    names = [each.filename for each in api.vector_stores.search(store.id, query="condensers", max_num_results=5)]
    assert sorted(names) == ["manual.md", "poem.txt"]  # its stem is looked for
    assert [each.filename for each in api.vector_stores.search(store.id, query="the of a is")][:1]
    assert list(api.vector_stores.search(store.id, query="zebra")) == []
    api.vector_stores.files.delete(poem, vector_store_id=store.id)
    assert [each.filename for each in api.vector_stores.search(store.id, query="condensers")] == ["manual.md"]
    assert [each.id for each in api.vector_stores.files.list(store.id)] == [manual]
    assert api.vector_stores.files.retrieve(manual, vector_store_id=store.id).status == "completed"
    assert api.files.content(manual).text == MANUAL
    assert api.vector_stores.update(store.id, name="Home").name == "Home"
    assert [each.id for each in api.vector_stores.list()] == [store.id]
    assert [each.filename for each in api.files.list(order="asc")] == ["manual.md", "poem.txt"]
    assert api.vector_stores.delete(store.id).deleted
    with pytest.raises(openai.NotFoundError):
        api.vector_stores.retrieve(store.id)


def test_a_passage_is_given_with_what_stands_around_it(api: openai.OpenAI) -> None:
    paragraphs = [f"Part {name} has {'words ' * 100}to say." for name in ("one", "two", "three", "four")]
    file = upload(api, "parts.md", "# Parts\n\n" + "\n\n".join(paragraphs))
    store = api.vector_stores.create(file_ids=[file])
    assert until_read(api, file).passages >= 4
    best, *others = api.vector_stores.search(store.id, query="two", max_num_results=5)
    assert "\n\n".join(paragraphs[:2]) in best.content[0].text
    assert not others
    with httpx.Client(base_url=str(api.base_url)) as client:
        second = client.get(f"files/{file}/passages/1").json()
        assert (second["filename"], second["number"], second["heading"]) == ("parts.md", 1, "Parts")
        assert second["before"].strip() == paragraphs[0].strip()
        assert second["text"] in paragraphs[1]
        missing = client.get(f"files/{file}/passages/99")
        assert (missing.status_code, missing.json()["error"]["param"]) == (404, "passage")
        for wrong in ("-1", "x", "1.5", str(1 << 70)):
            refused = client.get(f"files/{file}/passages/{wrong}")
            assert (refused.status_code, refused.json()["error"]["param"]) == (400, "passage")
        assert client.get("files/none/passages/0").json()["error"]["param"] == "file_id"


def test_a_deleted_document_is_gone_for_good(api: openai.OpenAI, tmp_path: Path) -> None:
    file = upload(api, "manual.md", MANUAL)
    store = api.vector_stores.create(file_ids=[file])
    until_read(api, file)
    api.files.delete(file)
    assert list(api.vector_stores.search(store.id, query="condenser")) == []
    with pytest.raises(openai.NotFoundError):
        api.files.retrieve(file)
    deadline = time.monotonic() + READ_SECONDS
    while any((tmp_path / "documents").iterdir()):
        assert time.monotonic() < deadline
    assert list(api.files.list()) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("broken.pdf", b"no pdf at all", "does not begin with %PDF"),
        ("empty.txt", b"   \n", "no text"),
        ("picture.txt", b"\x89PNG\r\n\x1a\n" + bytes(100), "picture"),
        ("half.json", b'[{"a": 1}, {"b": ', ""),
    ],
)
def test_what_cannot_be_read_says_why(api: openai.OpenAI, name: str, content: bytes, said: str) -> None:
    file = upload(api, name, content)
    found = until_read(api, file)
    assert found.status == "error"
    assert said in (found.status_details or "")
    store = api.vector_stores.create(file_ids=[file])
    member = api.vector_stores.files.retrieve(file, vector_store_id=store.id)
    assert (member.status, store.file_counts.failed) == ("failed", 1)
    assert member.last_error is not None
    fine = upload(api, "fine.txt", "A fine text.")  # one document's fault does not stop the next one
    assert until_read(api, fine).status == "processed"


def test_what_is_wrong_is_said(url: str) -> None:
    post = partial(httpx.post, timeout=20)
    wrong = [
        (post(f"{url}/v1/files", files={"file": ("a.exe", b"MZ")}), 400, "document_unsupported", "file"),
        (post(f"{url}/v1/files", files={"other": ("a.txt", b"a")}), 400, "missing_field", "file"),
        (post(f"{url}/v1/vector_stores", json={"file_ids": ["gone"]}), 404, "not_found", "file_id"),
        (post(f"{url}/v1/vector_stores/gone/search", json={"query": "a"}), 404, "not_found", "vector_store_id"),
        (post(f"{url}/v1/vector_stores/gone/search", json={"query": ""}), 400, "invalid_value", "query"),
        (httpx.get(f"{url}/v1/files?after=gone"), 404, "not_found", "file_id"),
    ]
    for answer, status, code, param in wrong:
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (status, code, param), answer.text


def test_documents_are_limited_in_size_and_number(tmp_path: Path) -> None:
    with served(tmp_path, limits={"document_mb": 1, "body_mb": 1}, user_limits={"documents_day": 2}) as url:
        key = bearer(appliance("keys", "create", "anna", "--state-dir", str(tmp_path)))
        send = partial(httpx.post, f"{url}/v1/files", headers=key, timeout=20)
        large = send(files={"file": ("a.txt", b"word " * 210_000)})
        assert (large.status_code, large.json()["error"]["code"]) == (413, "body_too_large")
        huge = send(files={"file": ("a.txt", b"word " * 900_000)})
        assert (huge.status_code, huge.json()["error"]["code"]) == (413, "body_too_large")
        statuses = [send(files={"file": ("a.txt", b"A few words.")}).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        listed = httpx.get(f"{url}/v1/files", headers=key).json()
        assert (len(listed["data"]), listed["most_bytes"]) == (2, 1_000_000)
    assert len(list((tmp_path / "documents").iterdir())) == 2


def test_others_see_none_of_it(tmp_path: Path) -> None:
    with served(tmp_path) as url:
        make = partial(appliance, "keys", "create", "--state-dir", str(tmp_path))
        with (
            openai.OpenAI(base_url=f"{url}/v1", api_key=make("anna"), max_retries=0) as anna,
            openai.OpenAI(base_url=f"{url}/v1", api_key=make("ben"), max_retries=0) as ben,
        ):
            file = upload(anna, "manual.md", MANUAL)
            store = anna.vector_stores.create(file_ids=[file])
            until_read(anna, file)
            theirs = ben.vector_stores.create()
            for steal in (
                lambda: ben.files.retrieve(file), lambda: ben.files.content(file), lambda: ben.files.delete(file),
                lambda: ben.vector_stores.retrieve(store.id), lambda: ben.vector_stores.delete(store.id),
                lambda: ben.vector_stores.search(store.id, query="pump"),
                lambda: ben.vector_stores.update(store.id, name="x"),
                lambda: ben.vector_stores.files.list(store.id),
                lambda: ben.vector_stores.files.create(theirs.id, file_id=file),
                lambda: ben.vector_stores.files.retrieve(file, vector_store_id=store.id),
                lambda: ben.vector_stores.files.delete(file, vector_store_id=store.id),
                lambda: ben.vector_stores.create(file_ids=[file]),
            ):  # fmt: skip
                with pytest.raises(openai.NotFoundError):
                    steal()
            for client, status in ((anna, 200), (ben, 404)):
                look = httpx.get(f"{url}/v1/files/{file}/passages/0", headers=bearer(client.api_key))
                assert look.status_code == status
            assert list(ben.files.list()) == []
            assert [each.id for each in anna.files.list()] == [file]


def test_reading_goes_on_after_a_restart(tmp_path: Path) -> None:
    rows = [{"number": number, "text": f"Row number {number} about lamps."} for number in range(30_000)]
    with served(tmp_path, http={"open": True}) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="x") as api:
        file = upload(api, "rows.json", json.dumps(rows))
        deadline = time.monotonic() + READ_SECONDS
        while not httpx.get(f"{url}/v1/files/{file}").json()["passages"]:
            assert time.monotonic() < deadline
            time.sleep(LOOK_SECONDS)
        assert api.files.retrieve(file).status == "uploaded"
    assert not [child for child in psutil.Process().children() if "knowledge.worker" in " ".join(child.cmdline())]
    with served(tmp_path, http={"open": True}) as url, openai.OpenAI(base_url=f"{url}/v1", api_key="x") as api:
        assert until_read(api, file).status == "processed"
        again = upload(api, "rows.json", json.dumps(rows))
        until_read(api, again)
        read = [httpx.get(f"{url}/v1/files/{each}").json()["passages"] for each in (file, again)]
        assert read[0] == read[1] > 1000
        store = api.vector_stores.create(file_ids=[file])
        (found,) = api.vector_stores.search(store.id, query="29999")
        assert "Row number 29999" in found.content[0].text


def test_hostile_names_stay_names(api: openai.OpenAI, tmp_path: Path) -> None:
    for name in ("../../etc/passwd.txt", "C:\\temp\\a.txt", "a" * 400 + ".txt", 'q"uote\r\n.txt'):
        file = upload(api, name, "Some words.")
        assert until_read(api, file).status == "processed"
        assert "/" not in api.files.retrieve(file).filename
        assert api.files.content(file).read() == b"Some words."
    assert {path.name for path in tmp_path.iterdir()} <= {
        "documents", "appliance.db", "appliance.db-wal", "appliance.db-shm",
    }  # fmt: skip
