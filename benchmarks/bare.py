"""What the language engine is held against, in a process of its own with a worker's environment.

*bare*: nothing but `llama_decode` and a sampler, one token of each sequence a step, on the context that the engine
itself would make. *stock*: the one-sequence engine that came before, `llama_cpp.Llama` with a reply after another.
`python -m benchmarks.bare SPEC` reads a line of JSON for each round, and answers with one.
"""

# ruff: noqa: E402 - CUDA's libraries come before llama.cpp

from __future__ import annotations

import ctypes
import json
import statistics
import sys
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from appliance.engines.cuda import preload

preload()

import llama_cpp

from appliance.engines.llama import hearing, loading
from appliance.engines.llama.anatomy import shape_of
from appliance.engines.llama.context import Context
from appliance.engines.llama.devices import devices
from appliance.engines.llama.memory import plan
from appliance.engines.llama.piece import Piece
from appliance.engines.llama.sampling import Chain
from appliance.engines.llama.vocabulary import Vocabulary
from appliance.engines.specs import Llama
from appliance.jobs import Message, Sampling

if TYPE_CHECKING:
    from collections.abc import Sequence


class Bare:
    """The loop without a scheduler."""

    def __init__(self, spec: Llama) -> None:
        planned = plan(spec, shape_of(Path(spec.path)), devices())
        loaded = loading.load_model(spec.path, planned, loading.threads_of(spec))
        self.context, self.vocabulary = Context(loaded), Vocabulary(loaded.vocabulary)
        self.template = loading.template_of(loaded, self.vocabulary)

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        """The prompt as the engine reads it."""
        text = self.template.render(messages, thinking=None)
        return self.vocabulary.tokens(text, whole=not self.template.begins, control=True)

    def rate(self, prompts: Sequence[Sequence[Message]], steps: int) -> float:
        """Tokens a second of all sequences together, greedy and without an end."""
        sampling = Sampling(temperature=0, logit_bias=dict.fromkeys(self.vocabulary.ends, -100.0))
        chains = [Chain(sampling, self.context.vocabulary_size, steps) for _ in prompts]
        last, sizes = [], []
        for slot, messages in enumerate(prompts):
            self.context.drop(slot)
            prompt = self.tokens(messages)
            for start in range(0, len(prompt), 32):
                piece = prompt[start : start + 32]
                self.context.decode([Piece(slot, start, piece, int(start + len(piece) == len(prompt)))])
            last.append(self.context.sample(chains[slot].handle, -1))
            sizes.append(len(prompt))
        began = time.perf_counter()
        for step in range(steps):
            pieces = [Piece(slot, sizes[slot] + step, [token], 1) for slot, token in enumerate(last)]
            rows = self.context.decode(pieces)
            if rows is None:
                raise RuntimeError("the cache is too small for the benchmark")
            last = [self.context.sample(chain.handle, row) for chain, row in zip(chains, rows, strict=True)]
        seconds = time.perf_counter() - began
        for slot, chain in enumerate(chains):
            self.context.drop(slot)
            chain.close()
        return len(prompts) * steps / seconds

    def gaps(self, depth: int, steps: int) -> dict[str, float]:
        """What no scheduler can stay below, in steps of a short reply alone.

        `least`: a step that also reads a single token of a prompt, at `depth` tokens. `noise`: the longest of
        so many steps in which nothing else is done, since the machine is never quite quiet.
        """
        tokens = iter(np.random.default_rng(1).integers(0, self.context.vocabulary_size, 2 * depth).tolist())
        sizes = [0, 0]

        def step(*counts: int) -> float:
            pieces = [
                Piece(slot, sizes[slot], list(islice(tokens, count)), int(slot == 0))
                for slot, count in enumerate(counts)
                if count
            ]
            began = time.perf_counter()
            self.context.decode(pieces)
            for piece in pieces:
                sizes[piece.slot] += len(piece.tokens)
            return time.perf_counter() - began

        for _ in range(8):
            step(32, 0)
        times = [step(1, 0) for _ in range(steps)]
        alone = statistics.median(times)
        while sizes[1] < depth:
            step(0, min(64, depth - sizes[1]))
        beside = statistics.median(step(1, 1) for _ in range(40))
        for slot in (0, 1):
            self.context.drop(slot)
        return {"least": beside / alone, "noise": max(times[1:]) / alone}


class Stock:
    """The one-sequence engine: each reply waits for the one before."""

    def __init__(self, spec: Llama) -> None:
        threads = loading.threads_of(spec)
        self.model: Any = llama_cpp.Llama(
            spec.path, n_ctx=spec.context, n_batch=spec.batch, n_ubatch=spec.batch, n_threads=threads,
            n_threads_batch=threads, n_gpu_layers=spec.gpu_layers, verbose=False,
        )  # fmt: skip

    def rate(self, prompts: Sequence[Sequence[int]], steps: int) -> float:
        """Tokens a second while replies are written; the reading of their prompts is left out."""
        seconds = 0.0
        for prompt in prompts:
            self.model.reset()
            tokens = self.model.generate(prompt, temp=0, reset=False)
            next(tokens)
            began = time.perf_counter()
            for _ in range(steps):
                next(tokens)
            seconds += time.perf_counter() - began
        return len(prompts) * steps / seconds


def main() -> None:
    """Serve rounds from standard input."""
    hearing.hush()
    spec = msgspec.json.decode(sys.argv[1], type=Llama)
    bare, stock = Bare(spec), None
    print(json.dumps({"ends": sorted(bare.vocabulary.ends)}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        prompts = [msgspec.convert(messages, list[Message]) for messages in order.get("prompts", ())]
        match order["kind"]:
            case "bare":
                answer = {"rate": bare.rate(prompts, order["steps"])}
            case "stock":
                stock = stock or Stock(spec)  # a second model in memory is for those who ask
                answer = {"rate": stock.rate([bare.tokens(prompt) for prompt in prompts], order["steps"])}
            case _:
                answer = bare.gaps(order["depth"], order["steps"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(1, 9)  # ends with whoever started it
    main()
