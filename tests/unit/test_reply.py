"""A reply whose tokens are given: what it says of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from appliance.engines.llama.reply import Reply
from appliance.engines.llama.sections import Sections
from appliance.engines.llama.work import Counts
from appliance.jobs import Generate, Token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.jobs import AnyPart


def said(pieces: Sequence[bytes], *, thinking: bool, stop: Sequence[str] = ()) -> list[AnyPart]:
    """The parts of a reply of these tokens."""
    drawn = iter(range(len(pieces)))
    rows: Any = SimpleNamespace(
        vocabulary_size=len(pieces) + 1,
        logits=lambda _: np.zeros(len(pieces) + 1, np.float32),
        sample=lambda _chain, _row: next(drawn, len(pieces)),
    )
    vocabulary: Any = SimpleNamespace(pieces=[*pieces, b""], ends={len(pieces)}, said=lambda token: pieces[token])
    parts: list[AnyPart] = []
    reply = Reply(
        Generate(stop=list(stop), logprobs=0), rows, vocabulary, prompt_tokens=1, limit=100, mask=None, counts=Counts(),
        sections=Sections(thinking=thinking, thinks=thinking, calls=False), drafter=None, say=parts.append,
        fail=lambda error: pytest.fail(str(error)),
    )  # fmt: skip
    while reply.draw(0) is not None:
        pass
    reply.close()
    return parts


@pytest.mark.parametrize(
    ("pieces", "stop", "words"),
    [
        ([b"Hm", b".", b"</think>", b"\n\n", b"Hello", b" there"], [], [b"Hello", b" there"]),
        ([b"Hm", b"</", b"think>", b"Hello", b" there"], ["Hello world"], [b"Hello", b" there"]),
        ([b"Hm", b"</think>", b"\xf0\x9f", b"\x98\x80", b"!"], [], [b"\xf0\x9f", b"\x98\x80", b"!"]),
    ],
)
def test_the_figures_of_words_are_those_of_their_own_tokens(
    pieces: list[bytes], stop: list[str], words: list[bytes]
) -> None:
    parts = said(pieces, thinking=True, stop=stop)
    tokens = [part for part in parts if isinstance(part, Token)]
    assert [figure.chosen.token for part in tokens for figure in part.likelihoods] == words
    assert "".join(part.text for part in tokens) == b"".join(words).decode()
