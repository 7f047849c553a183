"""OpenAI's words for legacy completions: a text that goes on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from appliance.errors import RequestError
from appliance.jobs import Generate
from appliance.web.wire_generation import LARGEST_TOKEN, MOST_CHOICES, GenerationBody, Usage, repeated
from appliance.web.wire_likelihoods import LegacyLogprobs
from appliance.web.wire_replies import FinishReason

USUAL_TOKENS = 16
"""Tokens of a completion if the request does not say."""

TextOrTokens = str | list[int]


class CompletionRequest(GenerationBody, kw_only=True):
    """Body of `/v1/completions`. What no field names is ignored."""

    prompt: str | list[Any]
    echo: bool | None = None
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None
    best_of: int | None = None
    suffix: str | None = None

    @property
    def each(self) -> int:
        """Completions of each prompt."""
        return self.n or 1

    def prompts(self) -> list[TextOrTokens]:
        """The prompts, one at least."""
        return several(self.prompt, "prompt")

    def jobs(self) -> list[Generate]:
        """A job for each choice: the first prompt's, then the next one's. Raises `RequestError`."""
        prompts = self.prompts()
        self._refuse_unsupported(prompts)
        if len(prompts) * self.each > MOST_CHOICES:
            raise RequestError(
                f"{len(prompts)} prompts of n={self.each} ask for more than {MOST_CHOICES} completions.", param="prompt"
            )
        sampling, jobs = self.sampling(), []
        for prompt in prompts:
            job = Generate(
                text=prompt if isinstance(prompt, str) else None,
                tokens=None if isinstance(prompt, str) else prompt,
                max_tokens=self.max_tokens or USUAL_TOKENS,
                sampling=sampling,
                stop=self.stops,
                logprobs=self.logprobs,
            )
            jobs += repeated(job, self.each)
        return jobs

    def _refuse_unsupported(self, prompts: list[TextOrTokens]) -> None:
        if self.suffix:
            raise RequestError("suffix is not supported.", code="unsupported_parameter", param="suffix")
        if self.best_of not in (None, self.each):
            raise RequestError(
                f"best_of is not supported unless it equals n, which is {self.each}.",
                code="unsupported_parameter",
                param="best_of",
            )
        if self.echo and self.logprobs is not None:
            raise RequestError(
                "echo with logprobs is not supported: the prompt's tokens have no figures.",
                code="unsupported_parameter",
                param="echo",
            )
        if self.echo and not all(isinstance(prompt, str) for prompt in prompts):
            raise RequestError(
                "echo of a prompt of tokens is not supported; send text.", code="unsupported_parameter", param="echo"
            )


def several(given: str | list[Any], param: str) -> list[TextOrTokens]:
    """Texts or lists of tokens, from one of either or a list of them. An empty one is refused by its number."""
    if isinstance(given, str) or (given and all(_is_integer(each) for each in given)):
        return [_text_or_tokens(given, param)]
    if not given:
        raise RequestError(f"{param} is empty.", param=param)
    return [_text_or_tokens(each, f"{param}[{number}]") for number, each in enumerate(given)]


def _text_or_tokens(given: object, param: str) -> TextOrTokens:
    if not isinstance(given, str | list):
        raise RequestError(f"{param} is neither a text nor a list of tokens.", param=param)
    if not given:
        raise RequestError(f"{param} is empty.", param=param)
    if isinstance(given, list):
        for token in given:
            if not _is_integer(token) or not 0 <= token <= LARGEST_TOKEN:
                raise RequestError(f"{param} has something that is not the number of a token.", param=param)
    return given


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class CompletionChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One of the completions, or its next piece."""

    index: int
    text: str
    logprobs: LegacyLogprobs | None = None
    finish_reason: FinishReason | None = None


class CompletionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, and the event of a stream. `usage` is null in all events but the last, if it was asked for."""

    id: str
    created: int
    model: str
    system_fingerprint: str
    choices: list[CompletionChoice]
    object: Literal["text_completion"] = "text_completion"
    usage: Usage | UnsetType | None = UNSET
