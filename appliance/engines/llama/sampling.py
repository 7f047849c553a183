"""Drawing a token: llama.cpp's samplers in a chain of their own for each reply.

The order is llama.cpp's own: biases and penalties change the logits; top-k, top-p and min-p leave the likely ones;
the temperature widens or narrows what is left; one is drawn with the reply's own random numbers. A grammar's mask goes
before all of them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import llama_cpp
import numpy as np

from appliance.jobs import Likelihood, TokenLikelihood

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from appliance.jobs import Sampling

FORBID: Final = -100.0
"""A bias from which on a token is impossible, not only unlikely."""
MIN_KEEP: Final = 1
COLDEST: Final = 1e-6
"""A temperature below this would divide the logits beyond what a float can hold; it means 0."""


class Chain:
    """One reply's samplers. Close it: its memory is llama.cpp's."""

    def __init__(self, sampling: Sampling, vocabulary_size: int, context: int) -> None:
        """`context`: how far back the penalties look, in tokens."""
        self.handle: Any = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
        self._bias: Any = None
        if sampling.logit_bias:
            self._bias = (llama_cpp.llama_logit_bias * len(sampling.logit_bias))(
                *(
                    llama_cpp.llama_logit_bias(token, bias if bias > FORBID else float("-inf"))
                    for token, bias in sampling.logit_bias.items()
                )
            )
            self._add(llama_cpp.llama_sampler_init_logit_bias(vocabulary_size, len(self._bias), self._bias))
        penalties = (sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty)
        if penalties != (1.0, 0.0, 0.0):
            self._add(llama_cpp.llama_sampler_init_penalties(vocabulary_size, context, *penalties))
        if sampling.temperature < COLDEST:
            self._add(llama_cpp.llama_sampler_init_greedy())
            return
        if sampling.top_k > 0:
            self._add(llama_cpp.llama_sampler_init_top_k(min(sampling.top_k, vocabulary_size)))
        if sampling.top_p < 1:
            self._add(llama_cpp.llama_sampler_init_top_p(sampling.top_p, MIN_KEEP))
        if sampling.min_p > 0:
            self._add(llama_cpp.llama_sampler_init_min_p(sampling.min_p, MIN_KEEP))
        self._add(llama_cpp.llama_sampler_init_temp(sampling.temperature))
        seed = int.from_bytes(os.urandom(4)) if sampling.seed is None else sampling.seed & 0xFFFFFFFF
        # All ones is llama.cpp's word for "any seed".
        self._add(llama_cpp.llama_sampler_init_dist(seed if seed != 0xFFFFFFFF else 0))

    def close(self) -> None:
        """Free the samplers."""
        if self.handle is not None:
            llama_cpp.llama_sampler_free(self.handle)
            self.handle = None

    def _add(self, sampler: Any) -> None:
        llama_cpp.llama_sampler_chain_add(self.handle, sampler)


def likelihoods(logits: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], Sequence[int]]:
    """Logarithms of all probabilities, shape (vocabulary,), and the `count` likeliest tokens, likeliest first."""
    shifted = logits - logits.max()
    logs = shifted - np.log(np.exp(shifted).sum())
    if not count:
        return logs, ()
    top = np.argpartition(logs, -count)[-count:]
    return logs, [int(token) for token in top[np.argsort(-logs[top], kind="stable")]]


def likelihood(logs: NDArray[np.float32], top: Sequence[int], token: int, pieces: Sequence[bytes]) -> TokenLikelihood:
    """The figures of one drawn token."""

    def of(each: int) -> Likelihood:
        return Likelihood(pieces[each], max(-9999.0, float(logs[each])))

    return TokenLikelihood(of(token), [of(each) for each in top])
