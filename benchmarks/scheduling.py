"""The language engine's manners: long prompts beside replies, crowds before questions, grammars, one-sequence engines.

Each figure is measured beside what it is compared with, alternately, on one box in one run. It takes some 15 minutes.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final

import click
import msgspec

from appliance.engines.host import ENVIRONMENT
from benchmarks.crowd import TOPICS, Crowd, gaps, long_text, prompt, rate, running_median, steady_rate
from benchmarks.figures import Figure, made_of, ratio
from benchmarks.llm import SETTINGS, spec_of
from benchmarks.progress import rounds
from benchmarks.talker import Talker, talker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench

TOKENS: Final = 128
STALLED: Final = 3900
"""Tokens of the reply beside a long prompt: it must not end before the prompt is read."""
LONG: Final = 3000
"""Tokens of that prompt."""
MOST, QUICK = 5, 1
SECONDS: Final = 420.0
FORM: Final = {
    "type": "json_schema",
    "json_schema": {
        "name": "words",
        "schema": {
            "type": "object",
            "properties": {"words": {"type": "array", "items": {"type": "string"}, "minItems": 200}},
            "required": ["words"],
        },
    },
}


def measure(bench: Bench) -> Iterator[Figure]:
    """All figures of the scheduler."""
    most, encoded = QUICK if bench.quick else MOST, msgspec.json.encode(spec_of(bench)).decode()
    before: dict[str, str | None] = {**ENVIRONMENT, "GOMP_SPINCOUNT": None}
    with (
        bench.box(SETTINGS) as box,
        talker("benchmarks.chats") as client,
        talker("benchmarks.bare", encoded, environ={**ENVIRONMENT}) as bare,
    ):
        crowd = Crowd(box.port, client, bare.hear()["ends"])
        yield from _stalls(crowd, bare, most)
        yield from _structured(crowd, most)
        yield from _priorities(crowd, most)
        with talker("benchmarks.bare", encoded, environ=before) as old:
            old.hear()
            yield from _against_stock(crowd, bare, old, most)


def _stalls(crowd: Crowd, bare: Talker, most: int) -> Iterator[Figure]:
    """A step is normal if it takes what the same reply's takes there when nothing else is done.

    It grows with the reply, so the gaps are also shown in steps of the reply's beginning.
    """
    beside, nearly, early, quiet, taken = [], [], [], [], []
    for number in rounds("a long prompt beside a reply", most, SECONDS, least=1):
        running = crowd.body(prompt(f"Write about {TOPICS[number]}."), STALLED)
        long = crowd.body(prompt("Say one word.", long_text(LONG, 100 + number)), 1)
        (alone,) = crowd.chats([running])
        first, second = crowd.chats([running, long], [0.0, 1.0])
        if first.times[-1] < second.times[0]:
            raise click.ClickException("the reply ended before the long prompt was read")
        own = gaps(alone)
        normal = running_median(own)
        found = [
            (gap, step)
            for at, gap, step in zip(first.times, gaps(first), normal, strict=False)
            if second.sent <= at < second.times[0] - 0.01  # what the end of the long prompt itself takes is its own
        ]
        in_steps = sorted(gap / step for gap, step in found)
        beside.append(in_steps[-1])
        nearly.append(in_steps[int(0.99 * len(in_steps))])
        early.append(max(gap for gap, _ in found) / normal[0])
        quiet.append(max(gap / step for gap, step in zip(own[1:], normal[1:], strict=True)))
        taken.append(second.first)
    yield made_of(f"llm_longest_gap_beside_{LONG}_tokens", beside, "steps", at_most=3.0)
    yield Figure("llm_longest_gap_worst_round", max(beside), "steps")
    yield made_of(f"llm_gap_99_percent_beside_{LONG}_tokens", nearly, "steps")
    yield made_of("llm_longest_gap_in_first_steps", early, "steps")
    yield made_of("llm_longest_gap_alone", quiet, "steps")
    limits = bare.ask({"kind": "gaps", "depth": LONG, "steps": 500})
    yield Figure(f"llm_bare_step_with_one_token_at_{LONG}", limits["least"], "steps")
    yield Figure("llm_bare_longest_step_alone", limits["noise"], "steps")
    yield made_of(f"llm_{LONG}_tokens_beside_a_reply", taken, "s")


def _structured(crowd: Crowd, most: int) -> Iterator[Figure]:
    formed, plain = list[float](), list[float]()
    for _ in rounds("structured output", most, SECONDS):
        body = crowd.body(prompt("Say many words."), TOKENS)
        formed.append(rate(crowd.chats([{**body, "response_format": FORM}])))
        plain.append(rate(crowd.chats([body])))
    yield ratio("llm_json_rate_over_plain", formed, plain, lower_is_better=False)


def _priorities(crowd: Crowd, most: int) -> Iterator[Figure]:
    alone, crowded = list[float](), list[float]()
    typed = [crowd.body(prompt(f"Write about {topic}."), 200) for topic in TOPICS[:8]]
    asked = crowd.body(prompt("Why is the sky blue?"), 16)
    for _ in rounds("a first token in a crowd", most, SECONDS):
        alone.append(crowd.chats([asked])[0].first)
        crowded.append(crowd.chats([*typed, asked], [*[0.0] * 8, 1.5])[-1].first)
    yield made_of("llm_first_token_alone", alone, "s")
    yield made_of("llm_first_token_beside_8_typed", crowded, "s")
    yield ratio("llm_first_token_beside_8_typed_over_alone", crowded, alone, lower_is_better=True)


def _against_stock(crowd: Crowd, new: Talker, old: Talker, most: int) -> Iterator[Figure]:
    prompts = [prompt(f"Write about {topic}.") for topic in TOPICS[:8]]
    bodies = [crowd.body(each, TOKENS) for each in prompts]
    ours, slow, fast = list[float](), list[float](), list[float]()
    for number in rounds("the one-sequence engine", most, SECONDS, warm=1):
        order = {"kind": "stock", "prompts": prompts, "steps": TOKENS}
        rates = old.ask(order)["rate"], new.ask(order)["rate"], steady_rate(crowd.chats(bodies))
        if number:
            for kept, each in zip((slow, fast, ours), rates, strict=True):
                kept.append(each)
    yield ratio("llm_rate_8_over_one_sequence_engine", ours, slow, at_least=1.5)
    yield ratio("llm_rate_8_over_one_sequence_engine_with_spinning", ours, fast, lower_is_better=False)
    yield Figure("llm_rate_8_one_sequence_engine", statistics.median(slow), "tokens/s")
