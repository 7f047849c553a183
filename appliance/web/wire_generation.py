"""What requests for text have in common: how much of it, drawn how, and what it cost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from appliance.errors import RequestError
from appliance.jobs import Generate, Generated, Sampling
from appliance.settings import Llm

MOST: Final = 2**63 - 1
"""Largest integer that crosses to a worker."""

DONE: Final = b"data: [DONE]\n\n"
"""Ends a stream."""

MOST_CHOICES: Final = 16
MOST_BIASES: Final = 1024
LARGEST_TOKEN: Final = 2**31 - 1
TOKEN: Final = re.compile(r"[0-9]{1,10}")

TokenCount = Annotated[int, Meta(ge=1, le=MOST)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
RepeatPenalty = Annotated[float, Meta(ge=0.01, le=2)]


class StreamOptions(msgspec.Struct, frozen=True):
    """Extras of a stream."""

    include_usage: bool | None = None


class GenerationBody(msgspec.Struct, kw_only=True):
    """Fields of every request for text."""

    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: TokenCount | None = None
    n: Annotated[int, Meta(ge=1, le=MOST_CHOICES)] | None = None
    stop: Annotated[list[str], Meta(max_length=16)] | str | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=-1, le=MOST)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    repeat_penalty: RepeatPenalty | None = None
    repetition_penalty: RepeatPenalty | None = None
    seed: Annotated[int, Meta(ge=-MOST, le=MOST)] | None = None
    logit_bias: dict[str, Any] | None = None

    @property
    def model_name(self) -> str:
        """The model asked for."""
        return "default" if self.model is None else self.model

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with what it cost."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def stops(self) -> list[str]:
        """Strings that end a reply; an empty one would end it before it began, and does not count."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [text for text in given if text]

    def sampling(self) -> Sampling:
        """As the engine takes it. Raises `RequestError` for a bias that is none."""
        repeat = self.repeat_penalty if self.repeat_penalty is not None else self.repetition_penalty
        given = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": None if self.top_k is None else max(0, self.top_k),
            "min_p": self.min_p,
            "frequency_penalty": self.frequency_penalty,
            "presence_penalty": self.presence_penalty,
            "repeat_penalty": repeat,
            "seed": self.seed,
        }
        set_ones = {name: value for name, value in given.items() if value is not None}
        return msgspec.structs.replace(Sampling(logit_bias=_biases(self.logit_bias or {})), **set_ones)


def _biases(given: Mapping[str, Any]) -> dict[int, float]:
    if len(given) > MOST_BIASES:
        raise RequestError(f"There are {len(given)} biases; the limit is {MOST_BIASES}.", param="logit_bias")
    biases = {}
    for key, bias in given.items():
        if not TOKEN.fullmatch(key) or int(key) > LARGEST_TOKEN:
            raise RequestError(f"The key {key[:64]!r} is not the number of a token.", param="logit_bias")
        if isinstance(bias, bool) or not isinstance(bias, int | float) or not -100 <= bias <= 100:
            raise RequestError(f"The bias of {key!r} is not a number from -100 to 100.", param="logit_bias")
        biases[int(key)] = float(bias)
    return biases


def repeated(job: Generate, count: int) -> list[Generate]:
    """The job so many times, each with a seed of its own where one is given."""
    seed = job.sampling.seed
    if seed is None:
        return [job] * count
    return [
        msgspec.structs.replace(job, sampling=msgspec.structs.replace(job.sampling, seed=seed + number))
        for number in range(count)
    ]


class PromptDetails(msgspec.Struct, frozen=True):
    """Tokens of the prompt that had been read before."""

    cached_tokens: int


class CompletionDetails(msgspec.Struct, frozen=True):
    """Tokens of the reply that were thoughts."""

    reasoning_tokens: int


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of the prompt and of the replies."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


def usage(ends: Sequence[Generated], each: int) -> Usage:
    """What replies cost, `each` of them to the same prompt, which counts once."""
    prompts = [ends[at : at + each] for at in range(0, len(ends), each)]
    read = sum(same[0].prompt_tokens for same in prompts)
    written = sum(end.completion_tokens for end in ends)
    return Usage(
        prompt_tokens=read,
        completion_tokens=written,
        total_tokens=read + written,
        prompt_tokens_details=PromptDetails(sum(min(end.cached_tokens for end in same) for same in prompts)),
        completion_tokens_details=CompletionDetails(sum(end.thought_tokens for end in ends)),
    )


@cache
def fingerprint(model: str, settings: Llm) -> str:
    """Changes with the model and with how it is run."""
    return "fp_" + blake2b(model.encode() + msgspec.json.encode(settings), digest_size=5).hexdigest()
