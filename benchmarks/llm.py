"""The language engine: how soon it begins and how fast it writes, for one and for many, and what a shared prompt saves.

Beside each rate, alternately, that of a bare `llama_decode` loop over as many sequences, in turn, on one box.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import asdict

from appliance.engines.host import ENVIRONMENT
from appliance.engines.specs import Llama
from benchmarks.crowd import TOPICS, Crowd, long_text, prompt, steady_rate
from benchmarks.figures import Figure, made_of, ratio
from benchmarks.progress import rounds
from benchmarks.talker import Talker, talker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench

STREAMS: Final = (1, 4, 8, 16)
TOKENS: Final = 32
"""Of each reply; the bare loop writes as many."""
CONTEXT: Final = 4096
SECONDS: Final = 115.0
MOST, QUICK = 6, 1
ALONE: Final = 3
"""Times that one stream alone is measured in a round; it is over soon, and all ratios of rates rest on it."""
PREFIX: Final = 600
"""Tokens of a shared prompt."""
PREFIX_SECONDS: Final = 20.0
PREFIX_MOST, PREFIX_QUICK = 5, 1
ASKED: Final = 5
"""Questions behind a shared prompt, the first left out."""
SETTINGS: Final = {
    "APPLIANCE_LLM__CONTEXT": str(CONTEXT), "APPLIANCE_LLM__CACHE_MB": "0", "APPLIANCE_LLM__SPECULATION": "off",
}  # fmt: skip
"""No states on disk: they would make the second round of a cold prompt a warm one. Neither side guesses."""


def spec_of(bench: Bench) -> Llama:
    """The model as the benchmark's box loads it."""
    llm, model = bench.settings.llm, bench.lineup.llm
    alike = {key: value for key, value in asdict(llm).items() if key in Llama.__struct_fields__}
    given = {**alike, "context": CONTEXT, "sequences": max(llm.sequences, *STREAMS), "speculation": "off"}
    return Llama(name=model.name, path=str(model.main), **given)


def measure(bench: Bench) -> Iterator[Figure]:
    """All figures of the language engine."""
    sequences = str(max(bench.settings.llm.sequences, *STREAMS))
    encoded = msgspec.json.encode(spec_of(bench)).decode()
    with (
        bench.box({**SETTINGS, "APPLIANCE_LLM__SEQUENCES": sequences}) as box,
        talker("benchmarks.chats") as client,
        talker("benchmarks.bare", encoded, environ={**ENVIRONMENT}) as bare,
    ):
        crowd = Crowd(box.port, client, bare.hear()["ends"])
        yield from _rates(crowd, bare, bench.quick)
        yield from _prefix(crowd, bench.quick)


def _rates(crowd: Crowd, bare: Talker, quick: bool) -> Iterator[Figure]:
    ours: dict[int, list[float]] = defaultdict(list)
    theirs: dict[int, list[float]] = defaultdict(list)
    firsts: dict[int, list[float]] = defaultdict(list)
    for number in rounds("replies for one and for many", QUICK if quick else MOST, SECONDS, least=2, warm=1):
        for count in STREAMS if number else STREAMS[:2]:  # it is warm after few
            prompts = [prompt(f"Write about {topic}.") for topic in TOPICS[:count]]
            references, rates, waits = list[float](), list[float](), list[float]()
            for _ in range(ALONE if count == 1 else 1):
                references.append(bare.ask({"kind": "bare", "prompts": prompts, "steps": TOKENS})["rate"])
                streams = crowd.chats([crowd.body(each, TOKENS) for each in prompts])
                rates.append(steady_rate(streams))
                waits += [stream.first for stream in streams]
            if number:
                theirs[count].append(statistics.median(references))
                ours[count].append(statistics.median(rates))
                firsts[count].append(statistics.median(waits))
    for count in STREAMS:
        yield made_of(f"llm_first_token_{count}", firsts[count], "s")
    for count in STREAMS:
        yield made_of(f"llm_rate_{count}", ours[count], "tokens/s")
        yield made_of(f"llm_bare_rate_{count}", theirs[count], "tokens/s")
    for count in STREAMS:
        yield ratio(f"llm_rate_{count}_over_bare", ours[count], theirs[count], at_least=0.90)
    for count in STREAMS[1:]:
        yield ratio(f"llm_rate_{count}_over_1", ours[count], ours[1], lower_is_better=False)


def _prefix(crowd: Crowd, quick: bool) -> Iterator[Figure]:
    """A long system prompt that was never read, and questions that share it."""
    cold, later = list[float](), list[float]()
    for number in rounds("a shared prompt", PREFIX_QUICK if quick else PREFIX_MOST, PREFIX_SECONDS):
        system = long_text(PREFIX, number)
        times = [
            crowd.chats([crowd.body(prompt(f"Tell me about {topic}.", system), 4)])[0].first
            for topic in TOPICS[: ASKED + 1]
        ]
        cold.append(times[0])
        later.append(sorted(times[1:])[ASKED // 2])
    yield made_of("llm_first_token_cold", cold, "s")
    yield made_of("llm_first_token_shared", later, "s")
    yield ratio("llm_first_token_shared_over_cold", later, cold, at_most=0.15)
