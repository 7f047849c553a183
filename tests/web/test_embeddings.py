"""Embeddings as OpenAI's own client uses them: on a scripted stage, then on the starter model."""

from __future__ import annotations

import base64
import math
import struct
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from scripted import ScriptedStage, doors, furnished

from appliance.callers.names import Names
from appliance.errors import from_code
from appliance.jobs import Embed, Embedding
from appliance.voice.stages import Stages
from appliance.web.embeddings import embeddings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

VECTOR = (0.5, -0.5, 0.1, 0.7)
"""Length 1."""


async def vectors(job: Any, number: int) -> AsyncIterator[tuple[Embedding, bytes]]:
    """The last input first; the input's number is added to the first float."""
    for index in reversed(range(len(job.texts or job.tokens))):
        floats = struct.pack("<4f", VECTOR[0] + index, *VECTOR[1:])
        yield Embedding(index=index, dimensions=4, tokens=index + 2), floats


@pytest.fixture
def stage() -> ScriptedStage:
    return ScriptedStage(vectors)


@pytest.fixture
def url(stage: ScriptedStage) -> Iterator[str]:
    with doors(embeddings, stage=stage) as address:
        yield address


def ask(url: str, **fields: Any) -> httpx.Response:
    return httpx.post(f"{url}/v1/embeddings", json={"input": "Hello", **fields}, timeout=60)


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("given", "job"),
    [
        ("a", Embed(texts=["a"])),
        (["a", "b"], Embed(texts=["a", "b"])),
        ([1, 2], Embed(tokens=[[1, 2]])),
        ([[1, 2], [3]], Embed(tokens=[[1, 2], [3]])),
    ],
)
def test_inputs_of_every_kind(url: str, stage: ScriptedStage, given: Any, job: Embed) -> None:
    made = ask(url, input=given).json()
    assert stage.job == job
    count = len(job.texts or job.tokens)
    assert [body["index"] for body in made["data"]] == list(range(count))
    assert [body["embedding"][0] for body in made["data"]] == [pytest.approx(0.5 + index) for index in range(count)]
    tokens = sum(range(2, count + 2))
    assert made["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}


def test_floats_and_base64_agree(url: str) -> None:
    made = ask(url).json()
    assert set(made) == {"object", "data", "model", "usage"}
    assert (made["object"], made["model"], made["data"][0]["object"]) == ("list", "brain", "embedding")
    floats = made["data"][0]["embedding"]
    assert floats == pytest.approx(VECTOR)
    encoded = ask(url, encoding_format="base64").json()["data"][0]["embedding"]
    assert struct.unpack("<4f", base64.b64decode(encoded)) == tuple(floats)


@pytest.mark.parametrize("form", [None, "float", "base64"])
def test_the_client_reads_both(scripted: openai.OpenAI, form: Any) -> None:
    options: Any = {} if form is None else {"encoding_format": form}
    made = scripted.embeddings.create(model="text-embedding-3-small", input=["a", "b"], **options)
    second: Any = made.data[1].embedding
    if form == "base64":
        second = struct.unpack("<4f", base64.b64decode(second))
    assert second == pytest.approx((VECTOR[0] + 1, *VECTOR[1:]))


@pytest.mark.parametrize("model", ["default", "brain", "text-embedding-3-large", "text-embedding-ada-002"])
def test_names(url: str, model: str) -> None:
    assert ask(url, model=model).json()["model"] == "brain"


def test_a_model_for_vectors_makes_them_where_there_is_one(stage: ScriptedStage) -> None:
    embed = ScriptedStage(vectors)
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth"}, embed="meaning")
    with furnished({"http": {"open": True}}, Stages(stage, stage, stage, stage, embed), names) as url:
        for model in ("default", "meaning", "text-embedding-3-small"):
            assert ask(url, model=model).json()["model"] == "meaning"
        assert (len(embed.jobs), stage.jobs) == (3, [])
        assert ask(url, model="brain").json()["model"] == "brain"
        assert (len(embed.jobs), len(stage.jobs)) == (3, 1)
        assert ask(url, model="mouth").json()["error"]["code"] == "model_not_found"
        listed = {body["id"]: body for body in httpx.get(f"{url}/v1/models").json()["data"]}
        assert listed["text-embedding-3-large"]["alias_of"] == "meaning"


@pytest.mark.parametrize("form", ["float", "base64"])
def test_fewer_dimensions_have_length_one(scripted: openai.OpenAI, form: Any) -> None:
    made: Any = scripted.embeddings.create(model="default", input="a", dimensions=2).data[0].embedding
    assert made == pytest.approx([math.sqrt(0.5), -math.sqrt(0.5)])
    assert scripted.embeddings.create(model="default", input="a", dimensions=4).data[0].embedding == pytest.approx(
        VECTOR
    )


def test_more_dimensions_than_there_are(url: str, stage: ScriptedStage) -> None:
    error = ask(url, dimensions=5).json()["error"]
    assert (error["code"], error["param"], "limit of this model is 4" in error["message"]) == (
        "invalid_value",
        "dimensions",
        True,
    )


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "empty": ({"input": ""}, "invalid_value", "input"),
    "none": ({"input": []}, "invalid_value", "input"),
    "one empty": ({"input": ["a", "b", ""]}, "invalid_value", "input[2]"),
    "no tokens": ({"input": [[1], []]}, "invalid_value", "input[1]"),
    "too many": ({"input": ["a"] * 2049}, "invalid_value", "input"),
    "mixed": ({"input": ["a", [1]]}, "invalid_value", "input"),
    "an object": ({"input": ["a", {}]}, "invalid_value", "input[1]"),
    "no token": ({"input": [2**31]}, "invalid_value", "input"),
    "null": ({"input": None}, "invalid_value", "input"),
    "form": ({"encoding_format": "hex"}, "invalid_value", "encoding_format"),
    "dimensions": ({"dimensions": 0}, "invalid_value", "dimensions"),
    "model": ({"model": "gpt-99"}, "model_not_found", "model"),
}


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[str, ScriptedStage]]:
    stage = ScriptedStage(vectors)
    with doors(embeddings, stage=stage) as address:
        yield address, stage


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_name_the_field(refusing: tuple[str, ScriptedStage], name: str) -> None:
    url, stage = refusing
    fields, code, param = BAD[name]
    answer = ask(url, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (404 if name == "model" else 400, code, param)
    assert stage.jobs == []


def test_the_engines_errors(url: str, stage: ScriptedStage) -> None:
    stage.script = [from_code("context_length_exceeded", "Too long.", "texts")]
    answer = ask(url)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input")
    stage.script = []
    assert ask(url).json()["error"]["code"] == "internal_error"


def test_many_inputs(scripted: openai.OpenAI) -> None:
    made = scripted.embeddings.create(model="default", input=["a"] * 2048)
    assert [body.index for body in made.data] == list(range(2048))


# On the starter model.


def test_model_vectors(client: openai.OpenAI) -> None:
    texts = ["The cat sits on the mat.", "A cat is sitting on a mat.", "Interest rates rose in March."]
    made = client.embeddings.create(model="text-embedding-3-small", input=texts)
    first, second, third = [body.embedding for body in made.data]
    for vector in (first, second, third):
        assert cosine(vector, vector) == pytest.approx(1, abs=1e-4)
    assert cosine(first, second) > cosine(first, third)
    assert made.usage.prompt_tokens == made.usage.total_tokens > len(texts)
    alone = client.embeddings.create(model="default", input=texts[1], encoding_format="float")
    assert cosine(alone.data[0].embedding, second) > 0.99
    short = client.embeddings.create(model="default", input=texts[0], dimensions=16).data[0].embedding
    assert len(short) == 16
    assert cosine(short, short) == pytest.approx(1, abs=1e-4)
    assert cosine(short, first[:16]) > 0


@pytest.mark.parametrize("given", ["word " * 3000, [2**31 - 1], [[1000] * 3000]])
def test_model_errors_name_the_input(client: openai.OpenAI, given: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="default", input=given)
    assert str(caught.value.param).startswith("input")
