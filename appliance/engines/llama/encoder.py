"""A GGUF model that makes vectors: texts in; out the mean of their tokens' states, or what else the file names."""

from __future__ import annotations

import ctypes
import itertools
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import llama_cpp
import numpy as np

from appliance.engines.faults import ModelUnusable
from appliance.engines.interleave import Interleaved
from appliance.engines.llama.hearing import complaints, hush
from appliance.engines.llama.loading import metadata
from appliance.engines.llama.order import bounded
from appliance.engines.llama.vocabulary import Vocabulary
from appliance.errors import RequestError
from appliance.jobs import Embed, Embedding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from appliance.engines.interleave import Progress
    from appliance.engines.specs import Encoder
    from appliance.jobs import AnyJob

LONGEST: Final = 512
"""Most tokens of a text that are read. A passage has some 250."""
TOKEN_CHARACTERS: Final = 16
"""A text with more characters for each token that can be read is not looked at: that would take too long."""
TURN_SECONDS: Final = 0.02
"""So long texts are made to tokens until others have their turns."""
PARAM: Final = "input"
NICE: Final = 10
"""Reading documents must not take the cores from who is spoken to."""
WIDTH: Final = 8
"""Jobs that take turns, a text each: a question waits for one text at most. If that is a long one of `/v1/embeddings`,
the question gives up (`embed.query_ms`) and words must do."""


def load(spec: Encoder) -> Interleaved:
    """Load the model. Raises `ModelUnusable`."""
    encoder = LlamaEncoder(spec)
    os.nice(NICE)
    return Interleaved(encoder.answer, WIDTH)


class LlamaEncoder:
    """One model and its context; one text at a time."""

    def __init__(self, spec: Encoder) -> None:
        hush()
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = spec.gpu_layers
        with complaints() as said:
            self._model = llama_cpp.llama_model_load_from_file(os.fsencode(spec.path), params)
            if not self._model:
                raise ModelUnusable(f"llama.cpp cannot load {Path(spec.path).name}: {said.first}")
            self._longest = min(LONGEST, int(llama_cpp.llama_model_n_ctx_train(self._model)))
            self._context = llama_cpp.llama_init_from_model(self._model, self._params(spec))
            if not self._context:
                raise ModelUnusable(f"llama.cpp cannot make a context for {spec.name}: {said.first}")
        self._vocabulary = Vocabulary(llama_cpp.llama_model_get_vocab(self._model))
        self._width = int(llama_cpp.llama_model_n_embd_out(self._model))
        self._memory = llama_cpp.llama_get_memory(self._context)
        """None in a model that reads a text in both directions at once."""

    def _params(self, spec: Encoder) -> Any:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = self._longest
        params.n_threads = params.n_threads_batch = spec.threads
        params.embeddings, params.no_perf = True, True
        named = metadata(self._model, f"{metadata(self._model, 'general.architecture')}.pooling_type") is not None
        params.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_UNSPECIFIED if named else llama_cpp.LLAMA_POOLING_TYPE_MEAN
        return params

    def answer(self, job: AnyJob, _: bytes) -> Iterator[Progress]:
        """A vector of length 1 for each text. Raises `RequestError`."""
        assert isinstance(job, Embed)  # noqa: S101 - the host sends each job to its own engine
        known = (self._vocabulary.known(tokens, PARAM) for tokens in job.tokens)
        inputs = itertools.chain(known, (self._tokens(text, cut=job.cut) for text in job.texts))
        prompts: list[Sequence[int]] = []
        turn = time.monotonic() + TURN_SECONDS
        for tokens in bounded(self._fit(tokens, cut=job.cut) for tokens in inputs):
            prompts.append(tokens)
            if time.monotonic() > turn:
                yield None
                turn = time.monotonic() + TURN_SECONDS
        for index, tokens in enumerate(prompts):
            vector = self._vector(tokens)
            yield Embedding(index=index, dimensions=vector.size, tokens=len(tokens)), vector.tobytes()

    def _tokens(self, text: str, *, cut: bool) -> Sequence[int]:
        most = TOKEN_CHARACTERS * self._longest
        if len(text) > most and not cut:
            raise self._too_long(f"{len(text)} characters", f"{self._longest} tokens, and {most} characters")
        return self._vocabulary.tokens(text[:most], whole=True, control=False)

    def _fit(self, tokens: Sequence[int], *, cut: bool) -> Sequence[int]:
        if not tokens:
            raise RequestError("A text has nothing in it.", param=PARAM)
        if len(tokens) <= self._longest:
            return tokens
        if cut:
            return [*tokens[: self._longest - 1], tokens[-1]]  # the last one may be the mark of the end
        raise self._too_long(f"{len(tokens)} tokens", f"{self._longest} tokens")

    def _too_long(self, has: str, limit: str) -> RequestError:
        return RequestError(
            f"A text has {has}; the limit of this model is {limit}.", code="context_length_exceeded", param=PARAM
        )

    def _vector(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        held = (llama_cpp.llama_token * len(tokens))(*tokens)
        batch = llama_cpp.llama_batch_get_one(held, len(tokens))
        if self._memory is None:
            code = llama_cpp.llama_encode(self._context, batch)
        else:
            llama_cpp.llama_memory_clear(self._memory, True)
            code = llama_cpp.llama_decode(self._context, batch)
        if code != 0:
            raise RuntimeError(f"llama.cpp answered {code}")
        found = llama_cpp.llama_get_embeddings_seq(self._context, 0)
        vector = np.ctypeslib.as_array(ctypes.cast(found, ctypes.POINTER(ctypes.c_float)), (self._width,)).copy()
        vector /= max(float(np.linalg.norm(vector)), 1e-12)
        return vector
