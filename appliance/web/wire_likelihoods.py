"""How likely the tokens of a reply were, in the words of chat and in those of legacy completions."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from appliance.jobs import Likelihood, TokenLikelihood

LEAST: Final = -9999.0
"""Stands for a probability of nought, whose logarithm JSON cannot say; OpenAI writes it so."""


def token_text(token: bytes) -> str:
    r"""The token as text; bytes that are no whole characters are written as `\xf0`."""
    return token.decode("utf-8", "backslashreplace")


class TopLogprob(msgspec.Struct, frozen=True, kw_only=True):
    """A token that could have stood here."""

    token: str
    bytes: list[int]
    logprob: float


class TokenLogprob(msgspec.Struct, frozen=True, kw_only=True):
    """A token of the reply, and the likeliest ones in its place."""

    token: str
    bytes: list[int]
    logprob: float
    top_logprobs: list[TopLogprob]

    @classmethod
    def of(cls, drawn: TokenLikelihood) -> TokenLogprob:
        """From our own kind."""
        chosen, top = drawn.chosen, [TopLogprob(**_fields(other)) for other in drawn.top]
        return cls(**_fields(chosen), top_logprobs=top)


class Logprobs(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a chat's reply, or of a chunk of it."""

    content: list[TokenLogprob]
    refusal: None = None


def chat_logprobs(likelihoods: Sequence[TokenLikelihood]) -> Logprobs:
    """From our own kind."""
    return Logprobs(content=[TokenLogprob.of(drawn) for drawn in likelihoods])


class LegacyLogprobs(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a legacy completion: lists of equal length."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class Offsets:
    """Where in the text of one reply each token begins, in characters."""

    def __init__(self, begin: int) -> None:
        self._at = begin
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def logprobs(self, likelihoods: Sequence[TokenLikelihood]) -> LegacyLogprobs:
        """Figures of the reply's next tokens. The one that was drawn is among the likeliest, always."""
        offsets = []
        for drawn in likelihoods:
            offsets.append(self._at)
            self._at += len(self._decoder.decode(drawn.chosen.token))
        return LegacyLogprobs(
            tokens=[_legacy_text(drawn.chosen.token) for drawn in likelihoods],
            token_logprobs=[_finite(drawn.chosen.logprob) for drawn in likelihoods],
            top_logprobs=[
                {_legacy_text(each.token): _finite(each.logprob) for each in (*drawn.top, drawn.chosen)}
                for drawn in likelihoods
            ],
            text_offset=offsets,
        )


def _fields(token: Likelihood) -> dict[str, Any]:
    return {"token": token_text(token.token), "bytes": list(token.token), "logprob": _finite(token.logprob)}


def _legacy_text(token: bytes) -> str:
    """Two tokens that are no whole characters must not share a key."""
    try:
        return token.decode()
    except UnicodeDecodeError:
        return "bytes:" + token_text(token)


def _finite(logprob: float) -> float:
    return max(logprob, LEAST)
