"""Replies that must have a form: masks over the vocabulary from llguidance (Microsoft, MIT).

It parses JSON schemas more completely than llama.cpp's own grammars, computes a mask in some fifty microseconds,
bounds what a hostile schema can cost, and answers with an error where llama.cpp would end the process.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Final

import llama_cpp
import llguidance
import msgspec
import numpy as np

from appliance.errors import RequestError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from appliance.engines.llama.vocabulary import Vocabulary

SPECIAL: Final = b"\xff"
"""llguidance's mark of a token that is no text."""

OPTIONS: Final = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""One way to write JSON, the one that models are trained on; free whitespace lets small ones run on in it for ever."""


class Grammars:
    """Compiles grammars for one vocabulary. Made once, as it sorts the whole vocabulary (0.3 s for 50,000 tokens)."""

    def __init__(self, vocabulary: Vocabulary, handle: Any) -> None:
        pieces = [
            SPECIAL + piece if token in vocabulary.control else piece for token, piece in enumerate(vocabulary.pieces)
        ]
        tokenize = ctypes.cast(llama_cpp.llama_cpp._lib.llama_tokenize, ctypes.c_void_p).value  # noqa: SLF001
        make = llguidance.LLTokenizer.from_llamacpp  # type: ignore[attr-defined]  # its stub lacks it
        self._tokenizer = make(
            tokens=pieces,
            vocab_ptr=handle,
            tokenize_fptr=tokenize,
            eos_token=sorted(vocabulary.ends),
            slices=llguidance.LLTokenizer.json_slices(),
        )
        self._size = vocabulary.size

    def compile(self, source: str, param: str) -> Mask:
        """A mask at the grammar's start. Raises `RequestError` about `param` for a schema that cannot be followed."""
        matcher = llguidance.LLMatcher(self._tokenizer, llguidance.LLMatcher.grammar_from_lark(source), log_level=0)
        mask = Mask(matcher, self._size, param)
        mask.compute()  # some schemas fail only here
        return mask


class Mask:
    """Where one reply is in its grammar. What it raises is a `RequestError` about `param`."""

    def __init__(self, matcher: Any, size: int, param: str) -> None:
        self._matcher, self._size, self._param = matcher, size, param
        self._bits = np.zeros((size + 31) // 32, np.int32)

    def compute(self) -> NDArray[np.uint8]:
        """Which tokens may come next, shape (vocabulary,). Raises where the grammar is beyond llguidance's limits."""
        self._check()
        self._matcher.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)
        self._check()
        return np.unpackbits(self._bits.view(np.uint8), bitorder="little", count=self._size)

    def apply(self, logits: NDArray[np.float32]) -> None:
        """Make every token impossible that the grammar does not allow next. Raises."""
        np.putmask(logits, self.compute() == 0, -np.inf)

    def accept(self, token: int) -> None:
        """Go on by a token that was drawn after `apply`. Raises."""
        if not self._bits[token >> 5] >> (token & 31) & 1:
            raise RequestError("It forbids every token that the reply's form allows next.", param="logit_bias")
        if not self._matcher.consume_token(token):
            self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            reason = self._matcher.get_error().splitlines()[0][:300]
            if " " not in reason:  # llguidance's name of a state, not a sentence
                reason = "there is no text that it allows"
            raise RequestError(f"The schema cannot be followed: {reason}", param=self._param)

    @property
    def complete(self) -> bool:
        """Whether nothing can follow."""
        return bool(self._matcher.is_stopped())


def json_rule(schema: dict[str, Any]) -> str:
    """A schema as a grammar's term."""
    return "%json " + msgspec.json.encode({**schema, "x-guidance": OPTIONS}).decode()
