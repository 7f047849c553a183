"""The capacity table on paper: named GPUs by their makers' figures. Computed, and never run.

The language model's step takes what every step on the one GPU that was run took beside the weights, and the time to
read the weights and everybody's KV cache from the card's memory; prompts and listening take their arithmetic. The
shares of the makers' figures that are reached are assumptions, and stand here. The voice is Piper on the CPU, as it
was measured there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.cards import CARDS, MODELS, set_for
from benchmarks.model import Stages, Talk, carried, voice_to_voice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cards import Card, Model

BANDWIDTH_REACHED: Final = 0.6
ARITHMETIC_REACHED: Final = 0.35
STEP_SECONDS: Final = 0.0009
STREAM_SECONDS: Final = 0.00033
"""A step takes these besides, once and for each reply: 1, 4, 8, 16 replies took 1.27, 2.13, 3.17, 6.14 ms on the H100,
where the model's 98 MB take 0.05 ms."""
CONTEXT_TOKENS: Final = 600
"""Of each conversation."""
PASS_SECONDS: Final = 0.019
PASS_UTTERANCE_SECONDS: Final = 0.0016
"""A pass of listening takes these besides its arithmetic: 20 ms for one and 44 for 16 of Whisper base on the H100."""
ENCODER: Final = 0.635
DECODER_GB: Final = 0.35
"""Whisper large-v3 turbo: parameters of its encoder (10^9), bytes of its decoder's weights in float16."""
FRAMES: Final = 400
"""Of the encoder for an utterance: the appliance gives it 8 s at least."""
WORDS: Final = 15
BATCHES: Final = (1, 2, 4, 8, 16, 32, 64)
H100: Final = Stages(
    "docs/decisions/2026-11-26-first-run-on-a-gpu.md", shared=False,
    listen={1: 0.020, 2: 0.022, 4: 0.027, 8: 0.034, 16: 0.044}, write={1: 788, 4: 1879, 8: 2527, 16: 2607},
    read=20_000, speak=0.11, speak_factor=0.0,
)  # fmt: skip
"""What was measured there; `speak` is first audio less first clause with one session, `read` a guess."""
H100_TALK: Final = Talk(
    spoken=2.7, think=1.3, reply_sound=0.0, clause_sound=0.0, stretches=1.0, clause_tokens=10, reply_tokens=40
)
"""That benchmark's people hear only the beginning of a reply, wait a second, and begin anew every five turns."""
HEAD: Final = (
    "| card | set | language model | tokens/s, one reply | people, voice as it is | limited by"
    " | if voices took no time | then by |"
)
RUN: Final = {1: (0.52, 0.56), 4: (0.53, 0.58), 16: (0.56, 0.78), 32: (1.15, 2.08), 64: (2.24, 4.37)}
"""By sessions: voice to voice, median and 95th percentile, as measured there."""


def stages_on(card: Card, model: Model, *, voice: bool = True) -> Stages:
    """What the stages would take; without `voice` as if speaking took nothing."""
    bandwidth = card.bandwidth_gbs * BANDWIDTH_REACHED
    arithmetic = card.tflops * 1000 * ARITHMETIC_REACHED  # 10^9 operations a second

    def step(count: int) -> float:
        read = (model.file_gb + count * CONTEXT_TOKENS * model.kv_kb / 1e6) / bandwidth
        return STEP_SECONDS + STREAM_SECONDS * count + max(read, 2 * model.parameters * count / arithmetic)

    def passed(count: int) -> float:
        encoded, decoded = 2 * ENCODER * FRAMES * count / arithmetic, WORDS * DECODER_GB / bandwidth
        return PASS_SECONDS + PASS_UTTERANCE_SECONDS * count + encoded + decoded

    return Stages(
        card.source, shared=False, listen={count: passed(count) for count in BATCHES if count <= 16},
        write={count: count / step(count) for count in BATCHES if count <= 16},
        read=arithmetic / (2 * model.parameters), speak=H100.speak if voice else 1e-6, speak_factor=0.0,
    )  # fmt: skip


def rows(limit: float = 2.0) -> Iterator[tuple[str, str, str, float, int, str, int, str]]:
    """Card, set, model, tokens a second of one reply, people and what limits them, the same if voices took no time."""
    for card in CARDS:
        name = set_for(card)
        model, talk = MODELS[name], Talk()
        now, free = stages_on(card, model), stages_on(card, model, voice=False)
        whole, without = carried(now, talk, limit), carried(free, talk, limit)
        yield (
            card.name, name, model.name, now.write[1], whole.speakers, whole.bottleneck, without.speakers,
            without.bottleneck,
        )  # fmt: skip


def compared() -> Iterator[tuple[int, float, float, float, float]]:
    """The run on an H100 against the model: sessions, medians measured and modelled, and the same for 95 %."""
    for sessions, (median, most) in RUN.items():
        said = [voice_to_voice(H100, H100_TALK, sessions, share)[0] for share in (0.5, 0.95)]
        yield sessions, median, said[0], most, said[1]


def page(limit: float = 2.0) -> str:
    """Both tables, as docs/capacity.md has them."""
    talk = Talk()
    lines = [
        (
            f"**Computed, never run**: people in conversation at once with 95 of 100 turns within {limit:g} s;"
            f" {talk.think:g} s of thought, {talk.reply_sound:g} s of reply."
        ),
        "",
        HEAD,
        "|---|---|---|---|---|---|---|---|",
    ]
    for card, name, model, rate, people, by, free, then in rows(limit):
        lines.append(f"| {card} | `{name}` | {model} | {rate:.0f} | {people} | {by} | {free} | {then} |")
    lines += [
        "",
        "| sessions | median measured | modelled | error | 95 % measured | modelled | error |",
        "|---|---|---|---|---|---|---|",
    ]
    for sessions, median, said, most, tail in compared():
        lines.append(
            f"| {sessions} | {median:.2f} s | {said:.2f} s | {100 * (said / median - 1):+.0f} % | {most:.2f} s"
            f" | {tail:.2f} s"
            f" | {100 * (tail / most - 1):+.0f} % |"
        )
    return "\n".join(lines)
