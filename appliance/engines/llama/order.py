"""A job as the model will read it: its tokens, and what holds for the reply.

Everything that the caller got wrong is found here, before the job takes anyone's place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.engines.llama.prefix import numbers, shared
from appliance.engines.llama.sections import Sections
from appliance.engines.llama.template import THOUGHT
from appliance.engines.llama.tools import grammar
from appliance.engines.llama.work import BACKGROUND, LIVE, TYPED
from appliance.errors import RequestError
from appliance.jobs import Embed, Generate, Message, Prepare, Prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.engines.llama.grammar import Grammars, Mask
    from appliance.engines.llama.template import Template
    from appliance.engines.llama.vocabulary import Vocabulary
    from appliance.jobs import AnyJob, Priority

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
                prompts: list[Sequence[int]] = [*job.tokens]
                for text in job.texts:
                    short = self._short(text, "input")
                    prompts.append(self._vocabulary.tokens(short, whole=True, control=False))
                fitting = [self._fit(self._known(tokens, "input"), "input") for tokens in prompts]
                return [
                    Order(job, job_id, RANKS[job.priority], tokens, index=index) for index, tokens in enumerate(fitting)
                ]
        raise TypeError(f"not a job for a language model: {type(job).__name__}")

    def _generate(self, job_id: int, job: Generate) -> Order:
        for token in job.sampling.logit_bias:
            if not 0 <= token < self._vocabulary.size:
                raise RequestError(
                    f"There is no token {token}; there are 0 to {self._vocabulary.size - 1}.", param="logit_bias"
                )
        text = self._render(job) if job.tokens is None and job.text is None else None
        tokens = self._tokens(job, text)
        order = self._order(job_id, job, tokens)
        room = self._context - len(tokens)
        order.limit = room if job.max_tokens is None else min(job.max_tokens, room)
        thinking = text is not None and text.rstrip().endswith(THOUGHT)
        thinks = text is not None and self._template.thinks and job.thinking is not False
        form = grammar(job, thinks=thinks, thinking=thinking)
        if form is not None:
            order.mask = self._grammars().compile(*form)
        calls = bool(job.tools) and (job.tool_choice != "none" or job.tool_name is not None)
        order.sections = Sections(thinking=thinking, thinks=thinks, calls=calls)
        return order

    def _order(self, job_id: int, job: Generate | Prepare, tokens: Sequence[int]) -> Order:
        kept, size = self._find(tokens)
        return Order(job, job_id, RANKS[job.priority], tokens, kept=kept, kept_size=size)

    def _render(self, job: Prompt, *, reply: bool = True) -> str:
        for message in job.messages:
            self._short(message.content, "messages")
        return self._template.render(job.messages, job.tools, thinking=job.thinking, reply=reply)

    def _tokens(self, job: Prompt, text: str | None) -> Sequence[int]:
        if job.tokens is not None:
            return self._fit(self._known(job.tokens, "prompt"), "prompt")
        if job.text is not None:
            return self._fit(
                self._vocabulary.tokens(self._short(job.text, "prompt"), whole=True, control=True), "prompt"
            )
        assert text is not None  # noqa: S101 - rendered by the caller
        tokens = self._vocabulary.tokens(text, whole=not self._template.begins, control=True)
        return self._fit(tokens, "messages")

    def _beginning(self, job: Prepare) -> Sequence[int]:
        """The tokens that stay, however the last message goes on: what they are is tried out."""
        if job.tokens is not None or job.text is not None:
            return self._tokens(job, None)
        *before, last = job.messages
        variants = []
        for more in ("", "s", " a"):
            grown = [*before, Message(last.role, last.content + more)]
            text = self._template.render(grown, job.tools, thinking=job.thinking, reply=False)
            variants.append(self._tokens(job, text))
        first, *others = map(numbers, variants)
        return variants[0][: min(shared(first, other) for other in others)]

    def _known(self, tokens: Sequence[int], param: str) -> Sequence[int]:
        for token in tokens:
            if not 0 <= token < self._vocabulary.size:
                raise RequestError(
                    f"There is no token {token}; there are 0 to {self._vocabulary.size - 1}.", param=param
                )
        return tokens

    def _short(self, text: str, param: str) -> str:
        """Refuse by its size what could not fit: to tokenise it could take minutes."""
        least = self._vocabulary.least_tokens(text)
        if least >= self._context:
            raise self._too_long(f"{least} or more", param)
        return text

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
