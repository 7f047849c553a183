"""A job as the model will read it: its tokens, and what holds for the reply.

Everything that the caller got wrong is found here, before the job takes anyone's place.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.engines.llama.prefix import numbers, shared
from appliance.engines.llama.sections import Sections
from appliance.engines.llama.template import THOUGHT
from appliance.engines.llama.tools import grammars
from appliance.engines.llama.work import BACKGROUND, LIVE, TYPED
from appliance.errors import RequestError
from appliance.jobs import Embed, Generate, Message, Prepare, Prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from appliance.engines.llama.grammar import Grammars, Mask
    from appliance.engines.llama.template import Template
    from appliance.engines.llama.vocabulary import Vocabulary
    from appliance.jobs import AnyJob, Priority

EMBEDDED: Final = 300_000
"""Tokens that one request may have embedded, as OpenAI has it: whoever comes next waits until all are read."""
RANKS: Final[dict[Priority, int]] = {"live": LIVE, "typed": TYPED, "background": BACKGROUND}


@dataclass(slots=True)
class Order:
    """One prompt of a job, ready to be read by the model."""

    job: Generate | Prepare | Embed
    job_id: int
    rank: int
    tokens: Sequence[int]
    limit: int = 0
    """Most tokens of the reply."""
    mask: Mask | None = None
    sections: Sections | None = None
    index: int = 0
    """Which of the job's texts."""
    kept: bytes | None = None
    """The state on disk that has most of the prompt …"""
    kept_size: int = 0
    """… and how much."""


class Reader:
    """Reads jobs for one model. Runs in the desk's thread."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        template: Template,
        grammars: Callable[[], Grammars],
        context: int,
        find: Callable[[Sequence[int]], tuple[bytes | None, int]],
    ) -> None:
        """`context`: most tokens of a prompt and its reply; `find`: looks for a kept state."""
        self._vocabulary, self._template, self._grammars = vocabulary, template, grammars
        self._context, self._find = context, find

    def read(self, job_id: int, job: AnyJob) -> Sequence[Order]:
        """The prompts of a job. Raises `RequestError`."""
        match job:
            case Generate():
                return [self._generate(job_id, job)]
            case Prepare():
                tokens = self._beginning(job)
                return [self._order(job_id, job, tokens)] if tokens else []
            case Embed():
                return list(self._embed(job_id, job))
        raise TypeError(f"not a job for a language model: {type(job).__name__}")

    def _embed(self, job_id: int, job: Embed) -> Iterator[Order]:
        known = (self._vocabulary.known(tokens, "input") for tokens in job.tokens)
        inputs = itertools.chain(known, map(self._input, job.texts))
        for index, tokens in enumerate(bounded(self._fit(tokens, "input") for tokens in inputs)):
            yield Order(job, job_id, RANKS[job.priority], tokens, index=index)

    def _input(self, text: str) -> Sequence[int]:
        self._check_size([text], "input")
        return self._vocabulary.tokens(text, whole=True, control=False)

    def _generate(self, job_id: int, job: Generate) -> Order:
        self._vocabulary.known(list(job.sampling.logit_bias), "logit_bias")
        text = None
        if job.tokens is None and job.text is None:
            self._check_prompt(job)
            text = self._template.render(job.messages, job.tools, thinking=job.thinking)
        tokens = self._tokens(job, text)
        order = self._order(job_id, job, tokens)
        room = self._context - len(tokens)
        if room < job.room:
            raise self._too_long(f"{len(tokens)} and {job.room} for the reply", "messages")
        order.limit = room if job.max_tokens is None else min(job.max_tokens, room)
        thinking = text is not None and text.rstrip().endswith(THOUGHT)
        thinks = text is not None and self._template.thinks and job.thinking is not False
        for source, param in grammars(job, thinks=thinks, thinking=thinking):
            order.mask = self._grammars().compile(source, param)
        calls = bool(job.tools) and (job.tool_choice != "none" or job.tool_name is not None)
        formed = job.json or job.schema is not None
        order.sections = Sections(thinking=thinking, thinks=thinks, calls=calls, formed=formed)
        return order

    def _order(self, job_id: int, job: Generate | Prepare, tokens: Sequence[int]) -> Order:
        kept, size = self._find(tokens)
        return Order(job, job_id, RANKS[job.priority], tokens, kept=kept, kept_size=size)

    def _check_prompt(self, job: Prompt) -> None:
        self._check_size([str(msgspec.json.encode(tool), "utf-8") for tool in job.tools], "tools")
        self._check_size([part for message in job.messages for part in _parts(message)], "messages")

    def _tokens(self, job: Prompt, text: str | None) -> Sequence[int]:
        if job.tokens is not None:
            return self._fit(self._vocabulary.known(job.tokens, "prompt"), "prompt")
        if job.text is not None:
            text, whole, param = job.text, True, "prompt"
        else:
            assert text is not None  # noqa: S101 - rendered by the caller
            whole, param = not self._template.begins, "messages"
        self._check_size([text], param)
        return self._fit(self._vocabulary.tokens(text, whole=whole, control=True), param)

    def _beginning(self, job: Prepare) -> Sequence[int]:
        """The tokens that stay, however the last message goes on: what they are is tried out."""
        if job.tokens is not None or job.text is not None:
            return self._tokens(job, None)
        self._check_prompt(job)
        *before, last = job.messages
        variants = []
        for more in ("", "s", " a"):
            grown = [*before, Message(last.role, last.content + more)]
            text = self._template.render(grown, job.tools, thinking=job.thinking, reply=False)
            variants.append(self._tokens(job, text))
        first, *others = map(numbers, variants)
        return variants[0][: min(shared(first, other) for other in others)]

    def _check_size(self, texts: Sequence[str], param: str) -> None:
        """Refuse by its size what could not fit: to render and tokenise it could take minutes."""
        least = sum(len(text.encode()) for text in texts) // self._vocabulary.longest_piece
        if least >= self._context:
            raise self._too_long(f"{least} or more", param)

    def _fit(self, tokens: Sequence[int], param: str) -> Sequence[int]:
        if not tokens:
            raise RequestError("There is nothing to read.", param=param)
        if len(tokens) >= self._context:
            raise self._too_long(str(len(tokens)), param)
        return tokens

    def _too_long(self, taken: str, param: str) -> RequestError:
        return RequestError(
            f"The model's context is {self._context} tokens; {taken} are needed for the {param}. Send less.",
            code="context_length_exceeded",
            param=param,
        )


def bounded(inputs: Iterable[Sequence[int]]) -> Iterator[Sequence[int]]:
    """Inputs of one request that are embedded. Raises `RequestError` where they have more than `EMBEDDED` tokens."""
    left = EMBEDDED
    for tokens in inputs:
        left -= len(tokens)
        if left < 0:
            raise RequestError(f"The limit of a request is {EMBEDDED} tokens; send less at once.", param="input")
        yield tokens


def _parts(message: Message) -> Iterator[str]:
    """All that a template may write of a message."""
    yield message.content
    yield message.tool_call_id or ""
    for call in message.tool_calls:
        yield from (call.id, call.name, call.arguments)
