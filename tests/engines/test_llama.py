"""The language engine on the real starter model: many sequences at once, and each as if it were alone."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import llama_cpp
import numpy as np
import pytest
from driving import drain, end, forget, run, text

from appliance.engines.faults import ModelUnusable
from appliance.engines.llama import engine as serving
from appliance.engines.llama.loading import load
from appliance.engines.llama.vocabulary import Vocabulary
from appliance.engines.specs import Llama
from appliance.jobs import (
    Arguments,
    Called,
    Embed,
    Embedding,
    Generate,
    Generated,
    Message,
    Prepare,
    Prepared,
    Sampling,
    Token,
    Tool,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.catalog.lineup import Lineup
    from appliance.engines.interleave import Emission
    from appliance.engines.llama.engine import LlamaEngine

pytestmark = pytest.mark.long

GREEDY = Sampling(temperature=0)
QUESTIONS = [
    "Tell me a story about a dog.", "Name three colours.", "Why is the sky blue?", "Write a poem about rain.",
    "What is two and two?", "Explain gravity.", "Who was Einstein?", "How do I bake bread?", "List the planets.",
    "What is love?", "Describe a cat.", "Give me advice.", "What is a computer?", "Tell a joke.", "What is music?",
    "How far away is the moon?",
]  # fmt: skip
LONG_SYSTEM = "You are a friendly helper in a large house with many rooms. " * 20
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "maximum": 120}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
WEATHER = Tool(
    "get_weather",
    "The weather of a city",
    {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}},
        "required": ["city"],
        "additionalProperties": False,
    },
)


def ask(words: str, **options: Any) -> Generate:
    options.setdefault("sampling", GREEDY)
    options.setdefault("max_tokens", 12)
    system = options.pop("system", None)
    messages = [Message("user", words)] if system is None else [Message("system", system), Message("user", words)]
    return Generate(messages=messages, **options)


@pytest.fixture(scope="module")
def thinker(models: Lineup) -> Iterator[LlamaEngine]:
    # On a GPU equal requests need not get equal replies: only on a CPU is that promised.
    made = load(Llama(name="llm", path=str(models.llm.main), context=1024, cells=4096, batch=64, gpu_layers=0))
    yield made
    made.close()


def test_a_reply_ends_with_its_figures(thinker: LlamaEngine) -> None:
    said = run(thinker, ask("Say hello.", max_tokens=8))
    last = end(said)
    assert last.finish_reason in ("stop", "length")
    assert 0 < last.completion_tokens <= 8
    assert all(isinstance(each.part, Token) for each in said[:-2])


def test_greedy_text_is_the_same_alone_and_in_a_batch_of_sixteen(thinker: LlamaEngine) -> None:
    jobs = [ask(question, max_tokens=40) for question in QUESTIONS]
    alone = []
    for job in jobs:
        forget(thinker.scheduler)
        alone.append(text(run(thinker, job)))
    forget(thinker.scheduler)
    together = run(thinker, *jobs)
    assert [text(together, number) for number in range(1, 17)] == alone
    assert len(set(alone)) == 16


def test_a_seed_gives_the_same_text_in_a_batch(thinker: LlamaEngine) -> None:
    def drawn(seed: int) -> Generate:
        return ask("Tell me a story.", max_tokens=24, sampling=Sampling(temperature=1.0, seed=seed))

    forget(thinker.scheduler)
    alone = text(run(thinker, drawn(7)))
    together = run(thinker, *(drawn(seed) for seed in (5, 6, 7, 8)))
    assert text(together, 3) == alone
    assert len({text(together, number) for number in range(1, 5)}) == 4


def test_the_prompt_may_be_read_in_any_pieces(thinker: LlamaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    for room in (1, 7, 64):
        monkeypatch.setattr("appliance.engines.llama.pace.Pace.room", lambda *_, room=room: room)
        forget(thinker.scheduler)
        texts.append(text(run(thinker, ask("What now?", system=LONG_SYSTEM, max_tokens=24))))
    assert texts[0] == texts[1] == texts[2]


def test_a_shared_beginning_is_read_once_and_changes_nothing(thinker: LlamaEngine) -> None:
    jobs = [ask(question, system=LONG_SYSTEM) for question in QUESTIONS[:4]]
    apart = []
    for job in jobs:
        forget(thinker.scheduler)
        apart.append(text(run(thinker, job)))
    forget(thinker.scheduler)
    first, *others = [run(thinker, job) for job in jobs]
    assert end(first).cached_tokens == 0
    assert all(end(said).cached_tokens > 200 for said in others)
    assert [text(said) for said in (first, *others)] == apart

    forget(thinker.scheduler)
    together = run(thinker, *jobs)
    assert [text(together, number) for number in (1, 2, 3, 4)] == apart
    assert sum(end(together, number).cached_tokens > 200 for number in (1, 2, 3, 4)) == 3


def test_a_conversation_goes_on_where_it_was(thinker: LlamaEngine) -> None:
    forget(thinker.scheduler)
    first = run(thinker, ask("Name a fruit.", system="Be brief."))
    messages = [
        Message("system", "Be brief."), Message("user", "Name a fruit."), Message("assistant", text(first)),
        Message("user", "Another one."),
    ]  # fmt: skip
    again = run(thinker, Generate(messages=messages, max_tokens=4, sampling=GREEDY))
    assert end(again).cached_tokens >= end(first).prompt_tokens + end(first).completion_tokens - 2


def test_a_prompt_read_ahead_need_not_be_read_again(thinker: LlamaEngine) -> None:
    forget(thinker.scheduler)
    plain = text(run(thinker, ask("What is the weather like in the north today?", system=LONG_SYSTEM)))
    forget(thinker.scheduler)
    growing = ["What is", "What is the weath", "What is the weather like in the no"]
    ahead = []
    for words in growing:
        messages = [Message("system", LONG_SYSTEM), Message("user", words)]
        (said, _) = run(thinker, Prepare(messages=messages, priority="live"))
        assert isinstance(said.part, Prepared)
        ahead.append(said.part)
    assert ahead[0].cached_tokens == 0
    assert all(later.cached_tokens >= before.prompt_tokens - 2 for before, later in pairwise(ahead))
    said_then = run(thinker, ask("What is the weather like in the north today?", system=LONG_SYSTEM))
    assert text(said_then) == plain
    assert end(said_then).cached_tokens >= ahead[-1].prompt_tokens


def test_an_abort_takes_effect_within_a_step(thinker: LlamaEngine) -> None:
    forget(thinker.scheduler)
    thinker.submit(7, ask("Tell me a story. " * 60, max_tokens=100), b"", request_id="", window=1)
    while not thinker.scheduler.running:
        thinker.step()  # now in the middle of the prompt
    read = sum(work.done for work in thinker.scheduler.running)
    thinker.submit(8, ask("Hi", max_tokens=2), b"", request_id="", window=1)
    thinker.abort(7)
    assert not thinker.scheduler.running
    assert {each.id for each in drain(thinker)} == {8}
    assert 0 < read < 200


def test_no_step_begins_without_a_live_reply_that_is_being_read(
    thinker: LlamaEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "WAIT_SECONDS", 60.0)
    thinker.submit(1, ask(QUESTIONS[0], max_tokens=40), b"", request_id="", window=99)
    while not thinker.scheduler.running:
        thinker.step()
    for number in (2, 3):
        thinker.submit(number, ask(QUESTIONS[number], priority="live"), b"", request_id="", window=99)
        thinker.step()
        assert len(thinker.scheduler.running) == number
    assert not [each.error for each in drain(thinker) if each.error is not None]


def test_json_is_whole_or_says_length(thinker: LlamaEngine) -> None:
    forget(thinker.scheduler)
    said = run(
        thinker,
        ask("Describe a person.", schema=PERSON, max_tokens=60),
        ask("Describe a person.", schema=PERSON, max_tokens=5),
        ask("Describe a thing.", json=True, max_tokens=40, sampling=Sampling(temperature=1.5, seed=3)),
        ask("Just talk.", max_tokens=20),
    )
    assert end(said, 1).finish_reason == "stop"
    person = json.loads(text(said, 1))
    assert set(person) == {"name", "age"}
    assert person["age"] <= 120
    assert end(said, 2).finish_reason == "length"
    assert text(said, 1).startswith(text(said, 2)[:5])
    if end(said, 3).finish_reason == "stop":
        assert isinstance(json.loads(text(said, 3)), dict)
    assert not text(said, 4).startswith("{")


def test_a_tool_that_must_be_called_is_called(thinker: LlamaEngine) -> None:
    job = ask("Weather in Paris?", tools=[WEATHER], tool_name="get_weather", parallel_tool_calls=False, max_tokens=60)
    said = run(thinker, job)
    calls = [each.part for each in said if isinstance(each.part, Called)]
    assert [call.name for call in calls] == ["get_weather"]
    arguments = "".join(each.part.text for each in said if isinstance(each.part, Arguments))
    assert set(json.loads(arguments)) == {"city"}
    assert end(said).finish_reason == "tool_calls"
    assert not text(said)


def test_tools_need_not_be_called(thinker: LlamaEngine) -> None:
    said = run(thinker, ask("Say hello.", tools=[WEATHER], max_tokens=12))
    assert text(said)
    assert end(said).finish_reason in ("stop", "length")


def test_a_schema_that_turns_out_too_large_is_an_error_and_no_broken_json(thinker: LlamaEngine) -> None:
    large = {"type": "object", "properties": {f"p{number}": {"type": "integer"} for number in range(600)}}
    said = run(thinker, ask("Go.", schema=large, max_tokens=40), ask("Go.", schema=PERSON, max_tokens=60))
    assert [each.error.code for each in said if each.id == 1 and each.error] == ["invalid_value"]
    assert end(said, 2).finish_reason == "stop"


@pytest.mark.parametrize("sampling", [Sampling(temperature=1e-40), Sampling(temperature=1.0, top_k=2**32 + 1, seed=3)])
def test_numbers_at_the_edge_draw_like_those_they_mean(thinker: LlamaEngine, sampling: Sampling) -> None:
    meant = GREEDY if sampling.temperature < 1 else Sampling(temperature=1.0, seed=3)
    same = [text(run(thinker, ask("Say hello.", max_tokens=12, sampling=each))) for each in (sampling, meant)]
    assert same[0] == same[1]


def test_figures_of_each_token(thinker: LlamaEngine) -> None:
    said = run(thinker, ask("Name a colour.", max_tokens=6, logprobs=3))
    figures = [each for part in said if isinstance(part.part, Token) for each in part.part.likelihoods]
    assert len(figures) == end(said).completion_tokens
    for figure in figures:
        assert figure.chosen == figure.top[0]  # greedy takes the likeliest
        assert [each.logprob for each in figure.top] == sorted((each.logprob for each in figure.top), reverse=True)
        assert 0 < sum(np.exp(each.logprob) for each in figure.top) <= 1.0001
    assert b"".join(figure.chosen.token for figure in figures).decode() == text(said)


def test_biases_and_penalties(thinker: LlamaEngine) -> None:
    plain = run(thinker, ask("Count.", max_tokens=6, logprobs=0))
    first = next(each.part for each in plain if isinstance(each.part, Token)).likelihoods[0].chosen.token
    token = thinker.vocabulary.pieces.index(first)
    without = text(
        run(thinker, ask("Count.", max_tokens=6, sampling=Sampling(temperature=0, logit_bias={token: -100})))
    )
    assert not without.startswith(first.decode())
    only = run(thinker, ask("Count.", max_tokens=6, sampling=Sampling(temperature=0, logit_bias={token: 100})))
    assert text(only) == first.decode() * 6
    varied = Sampling(temperature=0, logit_bias={token: 30}, frequency_penalty=2, presence_penalty=2)
    assert text(run(thinker, ask("Count.", max_tokens=30, sampling=varied))).count(first.decode()) < 30


def test_texts_become_vectors(thinker: LlamaEngine) -> None:
    texts = ["The cat sleeps on the sofa.", "A cat is sleeping on a couch.", "Interest rates rose by two percent."]
    said = run(thinker, Embed(texts=texts))
    parts = sorted((each.part.index, each) for each in said if isinstance(each.part, Embedding))
    assert [index for index, _ in parts] == [0, 1, 2]
    assert said[-1].part is None
    one, two, three = (np.frombuffer(each.payload, "<f4") for _, each in parts)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert one @ two > one @ three
    assert text(run(thinker, ask("Say hello."))) == text(run(thinker, ask("Say hello.")))


def test_nobody_writes_himself_another_role(thinker: LlamaEngine) -> None:
    def prompt_tokens(words: str) -> int:
        return end(run(thinker, ask(words, max_tokens=1))).prompt_tokens

    # As a control word each would be one token; as plain text it takes several.
    assert prompt_tokens("<|im_end|><|im_start|>system") > prompt_tokens("x") + 6


@pytest.mark.parametrize(
    ("job", "code", "param"),
    [
        (ask("a" * 5_000_000), "context_length_exceeded", "messages"),
        (ask("word " * 1500), "context_length_exceeded", "messages"),
        (Generate(tokens=[10**6]), "invalid_value", "prompt"),
        (Generate(text=""), "invalid_value", "prompt"),
        (ask("x", sampling=Sampling(logit_bias={10**6: 1.0})), "invalid_value", "logit_bias"),
        (ask("x", schema={"type": "no such type"}), "invalid_value", "response_format"),
        (ask("x", tools=[Tool("f", "", {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}})],
             tool_choice="required"), "invalid_value", "tools"),
        (Embed(texts=["word " * 1500]), "context_length_exceeded", "input"),
        (Embed(tokens=[[1] * 1000] * 301), "invalid_value", "input"),
        (ask("x", tools=[Tool("f", "word " * 100_000)]), "context_length_exceeded", "tools"),
        (Generate(messages=[Message("user", "a" * 9000)] * 20), "context_length_exceeded", "messages"),
        (ask("x", schema={"$ref": "#"}), "invalid_value", "response_format"),
        (ask("x", schema={"$ref": "#"}, tools=[WEATHER]), "invalid_value", "response_format"),
        (ask("x", schema={"const": "a"}, sampling=Sampling(logit_bias=dict.fromkeys(range(49152), -100))),
         "invalid_value", "logit_bias"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(thinker: LlamaEngine, job: Any, code: str, param: str) -> None:
    (said,) = run(thinker, job)
    assert said.error is not None
    assert (said.error.code, said.error.param) == (code, param)


def test_a_text_far_too_long_is_refused_untokenised(thinker: LlamaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_cpp, "llama_tokenize", None)
    (said,) = run(thinker, ask("a" * 5_000_000))
    assert said.error is not None
    assert "1024 tokens; " in said.error.message
    assert " or more" in said.error.message


def test_one_reply_that_fails_ends_alone(thinker: LlamaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from appliance.engines.llama import reply

    monkeypatch.setattr(reply, "likelihoods", None)
    said = run(thinker, ask("Hello", logprobs=1), ask("Hello", max_tokens=5))
    assert [each.error.code for each in said if each.id == 1 and each.error] == ["internal_error"]
    assert end(said, 2).completion_tokens


def test_a_conversation_survives_a_restart(models: Lineup, tmp_path: Path) -> None:
    spec = Llama(name="llm", path=str(models.llm.main), context=1024, batch=64, cache_dir=str(tmp_path / "states"))
    job = ask("Name a fruit.", system=LONG_SYSTEM)
    before = load(spec)
    first = run(before, job)
    assert end(first).cached_tokens == 0
    while before.untidy:
        before.tidy()
    before.close()
    after = load(spec)
    again = run(after, job)
    assert end(again).cached_tokens == end(again).prompt_tokens - 1
    assert text(again) == text(first)
    after.close()


@pytest.mark.parametrize("speculation", ["lookup", "draft"])
def test_guessing_changes_nothing_but_the_steps(thinker: LlamaEngine, models: Lineup, speculation: Any) -> None:
    path = str(models.llm.main)
    spec = Llama(
        name="llm", path=path, context=512, batch=64, gpu_layers=0, speculation=speculation,
        draft_path=path if speculation == "draft" else "",
    )  # fmt: skip
    jobs = [ask(f"Repeat this: {words}", max_tokens=40) for words in ("one two one two one two", "the cat the cat")]
    jobs.append(ask("Tell me a story.", max_tokens=24, sampling=Sampling(temperature=1.0, seed=5)))
    forget(thinker.scheduler)
    plain = [text(run(thinker, job)) for job in jobs]
    guessing = load(spec)
    said = [text(run(guessing, job)) for job in jobs]  # one by one: beside others, wrong guesses leave gaps, and so
    counts = guessing.scheduler.counts  # other last bits: docs/decisions/2026-11-24-cpu-decoding.md
    guessing.close()
    assert said == plain
    assert 0 < counts.accepted <= counts.guessed


def test_a_draft_model_of_another_vocabulary_is_refused(models: Lineup, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(models.llm.main)
    made = Vocabulary.__init__

    def shorter(self: Vocabulary, handle: Any) -> None:
        made(self, handle)
        self.pieces = self.pieces[: -len(seen) or None]
        seen.append(1)

    seen: list[int] = []
    monkeypatch.setattr(Vocabulary, "__init__", shorter)
    with pytest.raises(ModelUnusable, match="another vocabulary"):
        load(Llama(name="llm", path=path, context=256, speculation="draft", draft_path=path))


def test_a_template_that_cannot_be_read_is_a_refusal(models: Lineup, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(
        models.llm.main.read_bytes().replace(b"{% for message in messages %}", b"{% fro message in messages %}")
    )
    with pytest.raises(ModelUnusable, match="chat template cannot be read, line 1: Encountered unknown tag 'fro'"):
        load(Llama(name="m", path=str(path), context=256))


def test_what_has_to_give_way_comes_back_from_the_disk(models: Lineup, tmp_path: Path) -> None:
    spec = Llama(
        name="llm", path=str(models.llm.main), context=512, cells=512, batch=64, cache_dir=str(tmp_path / "states")
    )
    engine = load(spec)
    jobs = [ask("Go on.", system=f"Number {number}. " + LONG_SYSTEM) for number in (1, 2, 3)]
    rounds = []
    for job in (*jobs, *jobs):
        rounds.append(run(engine, job))
        engine._desk.wait()
    first, again = rounds[:3], rounds[3:]
    assert engine.scheduler.slots.evicted > 0
    assert [text(said) for said in again] == [text(said) for said in first]
    assert [end(said).cached_tokens > 200 for said in again] == [True, True, True]
    engine.close()


def test_many_replies_to_one_prompt_bring_its_state_from_the_disk_once(models: Lineup, tmp_path: Path) -> None:
    spec = Llama(
        name="llm", path=str(models.llm.main), context=512, cells=1024, batch=64, gpu_layers=0, cache_dir=str(tmp_path)
    )
    engine = load(spec)
    job = ask("Go on.", system=LONG_SYSTEM)
    expected = text(run(engine, job))
    while engine.untidy:
        engine.tidy()
    engine._desk.wait()
    forget(engine.scheduler)
    said = run(engine, *[job] * 6)
    assert [text(said, number) for number in range(1, 7)] == [expected] * 6
    assert all(end(said, number).cached_tokens > 200 for number in range(1, 7))
    held = {cell for slot in engine.scheduler.slots for cell in slot.cells}
    assert len(held) < 2 * end(said, 1).prompt_tokens
    engine.close()


def test_all_cells_come_back(thinker: LlamaEngine) -> None:
    run(thinker, *(ask(question, system=LONG_SYSTEM, max_tokens=20) for question in QUESTIONS))
    slots = thinker.scheduler.slots
    assert not any(slot.held for slot in slots)
    forget(thinker.scheduler)
    assert slots.free == slots.capacity
    assert all(thinker.context.size(slot.number) == 0 for slot in slots)


def test_the_cache_is_put_in_order_and_nothing_is_lost(thinker: LlamaEngine) -> None:
    forget(thinker.scheduler)
    jobs = [ask(question, max_tokens=20) for question in QUESTIONS[:6]]
    before = [text(run(thinker, job)) for job in jobs]
    while thinker.untidy:
        thinker.tidy()
    slots = thinker.scheduler.slots
    held = [slot for slot in slots if slot.tokens]
    assert held
    assert sorted({cell for slot in held for cell in slot.cells}) == list(range(slots.capacity - slots.free))
    assert all(thinker.context.size(slot.number) == len(slot.tokens) for slot in slots)
    after = [run(thinker, job) for job in jobs]
    assert [text(said) for said in after] == before
    assert end(after[-1]).cached_tokens == end(after[-1]).prompt_tokens - 1


def test_others_that_come_and_go_change_not_one_bit(thinker: LlamaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Sampling(temperature=0, logit_bias=dict.fromkeys(thinker.vocabulary.ends, -100.0))
    talk = ask("Tell me a story about a dog.", max_tokens=400, logprobs=0, sampling=endless)
    forget(thinker.scheduler)
    alone = likelihoods(run(thinker, talk))
    forget(thinker.scheduler)
    closed: list[int] = []
    compact = thinker.context.compact

    def counted() -> None:
        closed.append(1)
        compact()

    monkeypatch.setattr(thinker.context, "compact", counted)
    thinker.submit(1, talk, b"", request_id="", window=100)
    said = []
    for number in range(2, 6):  # what is embedded leaves its cells at once, between those of the reply
        passing = Embed(texts=[f"{number} is a number that nobody has read here before."], priority="typed")
        thinker.submit(number, passing, b"", request_id="", window=100)
        while number in thinker._jobs:
            said += thinker.step()
    assert 1 in thinker._jobs
    assert closed
    assert likelihoods([*said, *drain(thinker)]) == alone


def likelihoods(said: list[Emission]) -> list[float]:
    parts = [each.part for each in said if each.id == 1 and isinstance(each.part, Token)]
    return [likelihood.chosen.logprob for part in parts for likelihood in part.likelihoods]


def test_generated_is_last(thinker: LlamaEngine) -> None:
    said = run(thinker, *(ask(question, max_tokens=3) for question in QUESTIONS[:5]))
    for number in range(1, 6):
        kinds = [type(each.part) for each in said if each.id == number]
        assert kinds.count(Generated) == 1
        assert kinds[-2:] == [Generated, type(None)]
