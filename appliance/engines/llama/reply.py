"""One reply while it is written: from a row of logits to parts that a client can use."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from appliance.engines.llama.sampling import Chain, likelihood, likelihoods
from appliance.engines.llama.text import TextStream
from appliance.jobs import Arguments, Called, Generated, Thought, Token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Literal

    import numpy as np
    from numpy.typing import NDArray

    from appliance.engines.llama.grammar import Mask
    from appliance.engines.llama.lookup import Drafter
    from appliance.engines.llama.sections import Section, Sections
    from appliance.engines.llama.vocabulary import Vocabulary
    from appliance.engines.llama.work import Counts
    from appliance.jobs import AnyPart, Generate, TokenLikelihood


class Rows(Protocol):
    """The context as a reply needs it."""

    vocabulary_size: int

    def logits(self, row: int) -> NDArray[np.float32]:
        """The logits of a row, which may be changed before it is sampled."""

    def sample(self, chain: Any, row: int) -> int:
        """Draw a token."""


class Reply:
    """A `Pen` that draws the tokens of a `Generate`. Close it when the job is over, however it ended."""

    def __init__(
        self,
        job: Generate,
        rows: Rows,
        vocabulary: Vocabulary,
        *,
        prompt_tokens: int,
        limit: int,
        mask: Mask | None,
        sections: Sections,
        drafter: Drafter | None,
        counts: Counts,
        say: Callable[[AnyPart], None],
        fail: Callable[[Exception], None],
    ) -> None:
        """`limit`: most tokens of the reply. `say` passes a part on; `Generated` is last unless it has to `fail`."""
        self._rows, self._vocabulary, self._mask, self._sections, self._say = rows, vocabulary, mask, sections, say
        self._drafter, self._counts, self._fail = drafter, counts, fail
        self._chain = Chain(job.sampling, rows.vocabulary_size, limit)
        self._text = TextStream(job.stop)
        self._alternatives = job.logprobs
        self._likelihoods: list[TokenLikelihood] = []
        self._prompt_tokens, self._limit = prompt_tokens, limit
        self._count = self._cached = self._thoughts = 0
        self.began: float | None = None

    def started(self, cached: int) -> None:
        """The prompt is about to be read."""
        self.began, self._cached = time.monotonic(), cached

    def draw(self, row: int) -> int | None:
        """Draw the next token and say what it makes certain."""
        try:
            return self._draw(row)
        except Exception as error:  # noqa: BLE001 - one reply's fault must not end the others
            self._fail(error)
            return None

    def _draw(self, row: int) -> int | None:
        figures = None
        if self._alternatives is not None:
            figures = likelihoods(self._rows.logits(row), self._alternatives)
        if self._mask is not None:
            self._mask.apply(self._rows.logits(row))
        token = self._rows.sample(self._chain.handle, row)
        if self._mask is not None:
            self._mask.accept(token)
        if token in self._vocabulary.ends:
            self._end("stop")
            return None
        if figures is not None:
            self._likelihoods.append(likelihood(*figures, token, self._vocabulary.pieces))
        self._count += 1
        self._counts.written += 1
        self._thoughts += self._sections.thinking
        self._pass_on(self._sections.feed(self._text.feed(self._vocabulary.said(token))))
        if self._sections.silent and not self._text.holds:
            self._likelihoods = []
        if self._text.stopped or (self._mask is not None and self._mask.complete):
            self._end("stop")
            return None
        if self._count >= self._limit:
            self._end("length")
            return None
        return token

    def guess(self, tokens: Sequence[int], most: int) -> Sequence[int]:
        """What the drafter expects. A mask has a state for each token drawn, and none for those that are not."""
        if self._drafter is None or self._mask is not None:
            return ()
        return self._drafter.guess(tokens, most)

    def read(self, states: NDArray[np.float32] | None) -> None:
        """Not for a reply: its prompt ends in a token to draw."""
        raise NotImplementedError

    def close(self) -> None:
        """Free what the reply holds."""
        self._chain.close()

    def _end(self, reason: Literal["stop", "length"]) -> None:
        self._pass_on(self._sections.feed(self._text.finish()))
        self._pass_on(self._sections.finish())
        if self._likelihoods:
            self._say(Token(text="", likelihoods=self._likelihoods))
        called = reason == "stop" and self._sections.called > 0
        self._say(
            Generated(
                finish_reason="tool_calls" if called else reason,
                prompt_tokens=self._prompt_tokens,
                completion_tokens=self._count,
                cached_tokens=self._cached,
                thought_tokens=self._thoughts,
            )
        )

    def _pass_on(self, sections: Sequence[Section]) -> None:
        for part in sections:
            match part:
                case Token(text=text):
                    self._say(Token(text=text, likelihoods=self._likelihoods))
                case Thought() | Called() | Arguments():
                    self._say(part)
            self._likelihoods = []
