"""Legacy completions as OpenAI's own client uses them: on a scripted stage, then on the starter model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from scripted import END, ScriptedStage, doors

from appliance.errors import from_code
from appliance.jobs import Generate, Generated, Likelihood, Sampling, Token, TokenLikelihood
from appliance.web.completions import completions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from appliance.jobs import AnyPart


@pytest.fixture
def stage() -> ScriptedStage:
    return ScriptedStage([Token(text=" there"), Token(text="."), END])


@pytest.fixture
def url(stage: ScriptedStage) -> Iterator[str]:
    with doors(completions, stage=stage) as address:
        yield address


def ask(url: str, **fields: Any) -> httpx.Response:
    return httpx.post(f"{url}/v1/completions", json={"prompt": "Hello", **fields}, timeout=60)


def chunks(answer: httpx.Response) -> list[Any]:
    events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert events[-1] == "[DONE]"
    return [json.loads(event) for event in events[:-1]]


def test_every_field_reaches_the_engine(scripted: openai.OpenAI, stage: ScriptedStage) -> None:
    scripted.completions.create(
        model="default",
        prompt="Hello",
        temperature=0,
        top_p=0,
        frequency_penalty=1,
        presence_penalty=-2,
        seed=-3,
        logit_bias={"5": 1},
        logprobs=2,
        stop="x",
        max_tokens=7,
        best_of=1,
        user="me",
        extra_body={"top_k": -1, "repeat_penalty": 1.5},
    )
    assert stage.job == Generate(
        text="Hello",
        max_tokens=7,
        sampling=Sampling(
            temperature=0, top_p=0, frequency_penalty=1, presence_penalty=-2, repeat_penalty=1.5, seed=-3,
            logit_bias={5: 1},
        ),
        stop=["x"],
        logprobs=2,
    )  # fmt: skip


def test_fields_may_be_absent_or_null(url: str, stage: ScriptedStage) -> None:
    optional = (
        "model", "stream", "stream_options", "n", "stop", "temperature", "top_p", "seed", "user", "suffix", "echo",
        "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "max_tokens", "best_of",
    )  # fmt: skip
    assert ask(url, **dict.fromkeys(optional)).status_code == 200
    assert ask(url).status_code == 200
    assert stage.jobs == [Generate(text="Hello", max_tokens=16)] * 2


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a", [("a", None)]),
        (["a", "b"], [("a", None), ("b", None)]),
        ([1, 2], [(None, [1, 2])]),
        ([[1, 2], [3]], [(None, [1, 2]), (None, [3])]),
    ],
)
def test_prompts_of_every_kind(url: str, stage: ScriptedStage, prompt: Any, expected: list[Any]) -> None:
    answer = ask(url, prompt=prompt, n=2, seed=4)
    assert [(job.text, job.tokens) for job in stage.jobs] == [each for each in expected for _ in range(2)]
    assert [job.sampling.seed for job in stage.jobs] == [4, 5] * len(expected)
    made = answer.json()
    assert [choice["index"] for choice in made["choices"]] == list(range(2 * len(expected)))
    assert made["usage"]["prompt_tokens"] == END.prompt_tokens * len(expected)
    assert made["usage"]["completion_tokens"] == END.completion_tokens * 2 * len(expected)


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "empty": ({"prompt": ""}, "invalid_value", "prompt"),
    "no prompts": ({"prompt": []}, "invalid_value", "prompt"),
    "one empty": ({"prompt": ["a", ""]}, "invalid_value", "prompt[1]"),
    "no tokens": ({"prompt": [[1], []]}, "invalid_value", "prompt[1]"),
    "mixed": ({"prompt": [1, "a"]}, "invalid_value", "prompt[0]"),
    "no token": ({"prompt": [-1]}, "invalid_value", "prompt"),
    "truth": ({"prompt": [True]}, "invalid_value", "prompt[0]"),
    "an object": ({"prompt": {"a": 1}}, "invalid_value", "prompt"),
    "too many": ({"prompt": ["a"] * 9, "n": 2}, "invalid_value", "prompt"),
    "suffix": ({"suffix": "x"}, "unsupported_parameter", "suffix"),
    "best of": ({"best_of": 3, "n": 2}, "unsupported_parameter", "best_of"),
    "figures": ({"logprobs": 6}, "invalid_value", "logprobs"),
    "echo of figures": ({"echo": True, "logprobs": 0}, "unsupported_parameter", "echo"),
    "echo of tokens": ({"echo": True, "prompt": [1]}, "unsupported_parameter", "echo"),
    "nothing": ({"max_tokens": 0}, "invalid_value", "max_tokens"),
    "bias": ({"logit_bias": {"-1": 0}}, "invalid_value", "logit_bias"),
    "model": ({"model": "gpt-99"}, "model_not_found", "model"),
}


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[str, ScriptedStage]]:
    stage = ScriptedStage([END])
    with doors(completions, stage=stage) as address:
        yield address, stage


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_name_the_field(refusing: tuple[str, ScriptedStage], name: str) -> None:
    url, stage = refusing
    fields, code, param = BAD[name]
    answer = ask(url, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (404 if name == "model" else 400, code, param)
    assert stage.jobs == []


def test_a_prompt_is_needed(url: str) -> None:
    error = httpx.post(f"{url}/v1/completions", json={}).json()["error"]
    assert (error["code"], error["param"]) == ("missing_field", "prompt")


@pytest.mark.parametrize("param", ["messages", "text", "tokens"])
def test_the_engines_errors_name_the_prompt(url: str, stage: ScriptedStage, param: str) -> None:
    stage.script = [from_code("context_length_exceeded", "Too long.", param)]
    for fields in ({}, {"stream": True}, {"n": 2}):
        answer = ask(url, **fields)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, "context_length_exceeded", "prompt")


def test_a_whole_completion(scripted: openai.OpenAI, stage: ScriptedStage) -> None:
    made = scripted.completions.create(model="default", prompt="Hello", echo=True)
    assert (made.object, made.model, made.id[:5]) == ("text_completion", "brain", "cmpl-")
    assert made.system_fingerprint
    (choice,) = made.choices
    assert (choice.text, choice.finish_reason, choice.logprobs) == ("Hello there.", "stop", None)
    assert made.usage
    assert (made.usage.prompt_tokens, made.usage.total_tokens) == (5, 8)


EURO = "€".encode()
FIGURES: list[AnyPart] = [
    Token(text="a", likelihoods=[TokenLikelihood(Likelihood(b"a", -0.5), [Likelihood(b"b", -0.25)])]),
    Token(text="", likelihoods=[TokenLikelihood(Likelihood(EURO[:2], -1.0))]),
    Token(text="€c", likelihoods=[TokenLikelihood(Likelihood(EURO[2:], -2.0)), TokenLikelihood(Likelihood(b"c", -3))]),
    Generated(finish_reason="length", prompt_tokens=5, completion_tokens=4),
]


def test_figures(scripted: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = FIGURES
    (choice,) = scripted.completions.create(model="default", prompt="Hello", logprobs=1).choices
    assert (choice.text, choice.finish_reason) == ("a€c", "length")
    expected = {
        "tokens": ["a", "bytes:\\xe2\\x82", "bytes:\\xac", "c"],
        "token_logprobs": [-0.5, -1.0, -2.0, -3.0],
        "top_logprobs": [{"b": -0.25, "a": -0.5}, {"bytes:\\xe2\\x82": -1.0}, {"bytes:\\xac": -2.0}, {"c": -3.0}],
        "text_offset": [0, 1, 1, 2],
    }
    assert choice.logprobs
    assert choice.logprobs.to_dict() == expected
    streamed: dict[str, list[Any]] = {name: [] for name in expected}
    for chunk in scripted.completions.create(model="default", prompt="Hello", logprobs=1, stream=True):
        figures: Any = chunk.choices[0].logprobs.to_dict() if chunk.choices[0].logprobs else {}
        for name in figures:
            streamed[name] += figures[name]
    assert streamed == expected


def test_no_figures_unless_asked(url: str, stage: ScriptedStage) -> None:
    stage.script = FIGURES
    assert ask(url).json()["choices"][0]["logprobs"] is None


def test_a_stream(url: str) -> None:
    found = chunks(ask(url, stream=True, echo=True, stream_options={"include_usage": True}))
    assert [(chunk["choices"][0]["text"], chunk["choices"][0]["finish_reason"]) for chunk in found[:-1]] == [
        ("Hello there", None),
        (".", None),
        ("", "stop"),
    ]
    assert {(chunk["object"], chunk["id"]) for chunk in found} == {("text_completion", found[0]["id"])}
    assert [chunk["usage"] for chunk in found[:-1]] == [None] * 3
    assert (found[-1]["choices"], found[-1]["usage"]["total_tokens"]) == ([], 8)
    assert all("usage" not in chunk for chunk in chunks(ask(url, stream=True)))


async def by_prompt(job: Any, number: int) -> AsyncIterator[Token | Generated]:
    for letter in job.text:
        yield Token(text=letter.upper())
    yield Generated(finish_reason="stop", prompt_tokens=len(job.text), completion_tokens=len(job.text))


def test_prompts_keep_apart(scripted: openai.OpenAI, stage: ScriptedStage) -> None:
    stage.script = by_prompt
    made = scripted.completions.create(model="default", prompt=["abc", "d"], n=2, best_of=2)
    assert [(choice.index, choice.text) for choice in made.choices] == [(0, "ABC"), (1, "ABC"), (2, "D"), (3, "D")]
    assert made.usage
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (4, 8)
    texts = [""] * 4
    for chunk in scripted.completions.create(model="default", prompt=["abc", "d"], n=2, stream=True):
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == ["ABC", "ABC", "D", "D"]
    assert (stage.open, stage.aborted) == (0, 0)


# On the starter model.


def test_model_goes_on(client: openai.OpenAI) -> None:
    options: Any = {"model": "default", "prompt": "One, two, three,", "temperature": 0, "max_tokens": 12}
    made = client.completions.create(logprobs=2, **options)
    text = made.choices[0].text
    assert text
    assert made.usage
    assert 0 < made.usage.completion_tokens <= 12
    figures: Any = made.choices[0].logprobs
    assert (
        len(figures.tokens) == len(figures.token_logprobs) == len(figures.text_offset) == made.usage.completion_tokens
    )
    assert all(2 <= len(top) <= 3 for top in figures.top_logprobs)
    assert text.startswith("".join(figures.tokens)[: len(text)])
    chunks = list(client.completions.create(stream=True, **options))
    assert "".join(chunk.choices[0].text for chunk in chunks) == text
    assert client.completions.create(echo=True, **options).choices[0].text == f"One, two, three,{text}"


def test_model_takes_tokens_and_many_prompts(client: openai.OpenAI) -> None:
    options: Any = {"model": "default", "temperature": 0, "max_tokens": 6}
    both = client.completions.create(prompt=[[1000, 1001, 1002], [2000, 2001]], **options)
    alone = [client.completions.create(prompt=prompt, **options) for prompt in ([1000, 1001, 1002], [[2000, 2001]])]
    assert [choice.text for choice in both.choices] == [made.choices[0].text for made in alone]
    assert both.usage
    assert both.usage.prompt_tokens == sum(made.usage.prompt_tokens for made in alone if made.usage)


@pytest.mark.parametrize("prompt", [[2**31 - 1], "word " * 3000, [1000] * 3000])
def test_model_errors_name_the_prompt(client: openai.OpenAI, prompt: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="default", prompt=prompt)
    assert caught.value.param == "prompt"
