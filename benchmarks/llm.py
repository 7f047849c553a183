"""The language engine: how fast it writes for many, how soon it begins, and how little a long prompt disturbs others.

Each figure is measured beside what it is compared with, alternately, on one box in one run.
"""

from __future__ import annotations

import itertools
import os
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from appliance.engines.host import ENVIRONMENT
from appliance.engines.specs import Llama
from benchmarks.chats import Stream
from benchmarks.figures import Figure
from benchmarks.talker import Talker, talker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.box import Box

STREAMS: Final = (1, 4, 8, 16)
TOKENS: Final = 64
CONTEXT: Final = 4096
STALLED: Final = 3900
"""Tokens of the reply beside a long prompt: it must not end before the prompt is read."""
TOPICS: Final = (
    "dogs", "the sea", "old clocks", "mountains", "bread", "trains", "birds", "a garden", "winter", "the moon",
    "music", "a market", "stones", "rivers", "letters", "the forest",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often each thing is measured."""

    rate: int
    first: int
    stall: int


FULL, QUICK = Rounds(5, 5, 5), Rounds(2, 2, 2)


def spec_of(path: str, name: str) -> Llama:
    """The model as the benchmark's box loads it."""
    return Llama(name=name, path=path, context=CONTEXT)


SETTINGS: Final = {"APPLIANCE_LLM__CONTEXT": str(CONTEXT), "APPLIANCE_LLM__CACHE_MB": "0"}
"""No states on disk: they would make the second round of a cold prompt a warm one."""


def measure(box: Box, spec: Llama, rounds: Rounds) -> Iterator[Figure]:
    """All figures of the language engine."""
    encoded = msgspec.json.encode(spec).decode()
    before: dict[str, str | None] = {**ENVIRONMENT, "GOMP_SPINCOUNT": None}
    with (
        talker("benchmarks.chats") as load,
        talker("benchmarks.bare", encoded, environ={**ENVIRONMENT}) as bare,
    ):
        ends = bare.hear()["ends"]
        bench = _Bench(box.port, load, ends)
        yield from bench.rates(bare, rounds.rate)
        yield from bench.first_tokens(rounds.first)
        yield from bench.stalls(bare, rounds.stall)
        yield from bench.structured(rounds.first)
        yield from bench.priorities(rounds.first)
        with talker("benchmarks.bare", encoded, environ=before) as old:
            old.hear()
            yield from bench.against_stock(bare, old, rounds.rate)


class _Bench:
    def __init__(self, port: int, load: Talker, ends: Sequence[int]) -> None:
        self._port, self._load = port, load
        self._endless = {str(token): -100 for token in ends}

    def rates(self, bare: Talker, rounds: int) -> Iterator[Figure]:
        for count in STREAMS:
            prompts = [_prompt(f"Write about {topic}.") for topic in TOPICS[:count]]
            ours, theirs, ratios = [], [], []
            for number in range(rounds + 1):
                _tell(f"{count} streams, round {number} of {rounds}")
                reference = bare.ask({"kind": "bare", "prompts": prompts, "steps": 2 * TOKENS})["rate"]
                rate = _steady_rate(self._chats([self._body(prompt) for prompt in prompts]))
                if number:  # the first of each warms
                    ours.append(rate)
                    theirs.append(reference)
                    ratios.append(rate / reference)
            yield Figure(f"llm_rate_{count}", statistics.median(ours), "tokens/s")
            yield Figure(f"llm_bare_rate_{count}", statistics.median(theirs), "tokens/s")
            yield Figure(f"llm_rate_{count}_over_bare", statistics.median(ratios), "", at_least=0.90)

    def against_stock(self, new: Talker, old: Talker, rounds: int) -> Iterator[Figure]:
        prompts = [_prompt(f"Write about {topic}.") for topic in TOPICS[:8]]
        bodies = [self._body(prompt) for prompt in prompts]
        ratios: dict[str, list[float]] = {"as_it_ran": [], "same_environment": []}
        for number in range(rounds + 1):
            _tell(f"one-sequence engine, round {number} of {rounds}")
            order = {"kind": "stock", "prompts": prompts, "steps": 2 * TOKENS}
            slow, fast = old.ask(order)["rate"], new.ask(order)["rate"]
            rate = _steady_rate(self._chats(bodies))
            if number:
                ratios["as_it_ran"].append(rate / slow)
                ratios["same_environment"].append(rate / fast)
        yield Figure("llm_rate_8_over_one_sequence_engine", statistics.median(ratios["as_it_ran"]), "", at_least=1.5)
        yield Figure(
            "llm_rate_8_over_one_sequence_engine_with_spinning", statistics.median(ratios["same_environment"]), ""
        )

    def first_tokens(self, rounds: int) -> Iterator[Figure]:
        cold, later, ratios = [], [], []
        for number in range(rounds):
            _tell(f"shared prompt, round {number + 1} of {rounds}")
            system = _long_text(1000, number)
            times = [
                self._chats([self._body(_prompt(f"Tell me about {topic}.", system), tokens=4)])[0].first
                for topic in TOPICS[:6]
            ]
            cold.append(times[0])
            later.append(statistics.median(times[1:]))
            ratios.append(later[-1] / times[0])
        yield Figure("llm_first_token_cold", statistics.median(cold), "s")
        yield Figure("llm_first_token_shared", statistics.median(later), "s")
        yield Figure("llm_first_token_shared_over_cold", statistics.median(ratios), "", at_most=0.15)

    def stalls(self, bare: Talker, rounds: int) -> Iterator[Figure]:
        """A step is normal if it takes what the same reply's takes there when nothing else is done.

        It grows with the reply, so the gaps are also shown in steps of the reply's beginning.
        """
        beside, most, early, quiet, taken = [], [], [], [], []
        for number in range(rounds):
            _tell(f"long prompt beside a reply, round {number + 1} of {rounds}")
            running = self._body(_prompt(f"Write about {TOPICS[number]}."), tokens=STALLED)
            long = self._body(_prompt("Say one word.", _long_text(3000, 100 + number)), tokens=1)
            (alone,) = self._chats([running])
            first, second = self._chats([running, long], [0.0, 1.0])
            if first.times[-1] < second.times[0]:
                raise click.ClickException("the reply ended before the long prompt was read")
            own = _gaps(alone)
            normal = _running_median(own)
            gaps = [
                (gap, step)
                for at, gap, step in zip(first.times, _gaps(first), normal, strict=False)
                if second.sent <= at < second.times[0] - 0.01  # what the end of the long prompt itself takes is its own
            ]
            in_steps = sorted(gap / step for gap, step in gaps)
            beside.append(in_steps[-1])
            most.append(in_steps[int(0.99 * len(in_steps))])
            early.append(max(gap for gap, _ in gaps) / normal[0])
            quiet.append(max(gap / step for gap, step in zip(own[1:], normal[1:], strict=True)))
            taken.append(second.first)
        yield Figure("llm_longest_gap_beside_3000_tokens", statistics.median(beside), "steps", at_most=3.0)
        yield Figure("llm_longest_gap_worst_round", max(beside), "steps")
        yield Figure("llm_gap_99_percent_beside_3000_tokens", statistics.median(most), "steps")
        yield Figure("llm_longest_gap_in_first_steps", statistics.median(early), "steps")
        yield Figure("llm_longest_gap_alone", statistics.median(quiet), "steps")
        limits = bare.ask({"kind": "gaps", "depth": 3000, "steps": 500})
        yield Figure("llm_bare_step_with_one_token_at_3000", limits["least"], "steps")
        yield Figure("llm_bare_longest_step_alone", limits["noise"], "steps")
        yield Figure("llm_3000_tokens_beside_a_reply", statistics.median(taken), "s")

    def structured(self, rounds: int) -> Iterator[Figure]:
        schema = {
            "type": "object",
            "properties": {"words": {"type": "array", "items": {"type": "string"}, "minItems": 200}},
        }
        form = {"type": "json_schema", "json_schema": {"name": "words", "schema": {**schema, "required": ["words"]}}}
        ratios = []
        for number in range(rounds):
            _tell(f"structured output, round {number + 1} of {rounds}")
            plain = self._body(_prompt("Say many words."))
            ratios.append(_rate(self._chats([{**plain, "response_format": form}])) / _rate(self._chats([plain])))
        yield Figure("llm_json_rate_over_plain", statistics.median(ratios), "")

    def priorities(self, rounds: int) -> Iterator[Figure]:
        alone, crowded = [], []
        typed = [self._body(_prompt(f"Write about {topic}."), tokens=200) for topic in TOPICS[:8]]
        asked = self._body(_prompt("Why is the sky blue?"), tokens=16)
        for number in range(rounds):
            _tell(f"first token in a crowd, round {number + 1} of {rounds}")
            alone.append(self._chats([asked])[0].first)
            crowded.append(self._chats([*typed, asked], [*[0.0] * 8, 1.5])[-1].first)
        yield Figure("llm_first_token_alone", statistics.median(alone), "s")
        yield Figure("llm_first_token_beside_8_typed", statistics.median(crowded), "s")

    def _body(self, messages: list[dict[str, str]], tokens: int = TOKENS * 2) -> dict[str, Any]:
        return {"messages": messages, "max_tokens": tokens, "temperature": 0, "logit_bias": self._endless}

    def _chats(self, bodies: list[dict[str, Any]], delays: list[float] | None = None) -> list[Stream]:
        answers = self._load.ask({"port": self._port, "bodies": bodies, "delays": delays})
        streams = [Stream(**answer) for answer in answers]
        for stream in streams:
            if stream.error:
                raise click.ClickException(f"a request of the benchmark failed: {stream.error}")
        return streams


def _steady_rate(streams: Sequence[Stream]) -> float:
    """Tokens a second while all streams write: from the last one's first token to the first one's end."""
    begin, end = max(stream.times[0] for stream in streams), min(stream.times[-1] for stream in streams)
    return sum(
        sum(begin < at <= end for at in stream.times) * stream.tokens / len(stream.times) for stream in streams
    ) / (end - begin)


def _gaps(stream: Stream) -> list[float]:
    return [later - at for at, later in itertools.pairwise(stream.times)]


def _running_median(gaps: Sequence[float], reach: int = 25) -> list[float]:
    """Of each gap and its neighbours."""
    return [statistics.median(gaps[max(0, at - reach) : at + reach + 1]) for at in range(len(gaps))]


def _rate(streams: Sequence[Stream]) -> float:
    return sum(stream.tokens / (stream.times[-1] - stream.sent) for stream in streams)


def _prompt(words: str, system: str | None = None) -> list[dict[str, str]]:
    told = [] if system is None else [{"role": "system", "content": system}]
    return [*told, {"role": "user", "content": words}]


def _long_text(tokens: int, seed: int) -> str:
    """About so many tokens that no other seed begins with: numbers and short words, a token each or two."""
    words = [TOPICS[(seed * 7 + index * index) % len(TOPICS)] for index in range(tokens // 2)]
    return f"Case {seed}. " + " ".join(words)


def _tell(what: str) -> None:
    click.echo(f"\r\033[K{what}" if os.isatty(2) else what, nl=not os.isatty(2), err=True)
