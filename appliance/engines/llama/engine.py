"""llama.cpp with one sequence at a time, behind the face that a scheduler of many will have.

The resident sequence is continued where a prompt begins like the one before. A prompt is evaluated in pieces of
`batch` tokens, and an abort takes effect between two pieces as between two tokens.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Literal

import llama_cpp
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from appliance.engines.interleave import Interleaved
from appliance.engines.llama.text import TextStream
from appliance.engines.llama.vocabulary import Vocabulary
from appliance.errors import RequestError
from appliance.jobs import Generate, Generated, Token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.engines.interleave import Progress
    from appliance.engines.specs import Llama
    from appliance.jobs import AnyJob

WIDTH: Final = 1  # one context, one sequence

CHATML: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For a model that brings no template of its own."""


def load(spec: Llama) -> Interleaved:
    """Load the model; the first job warms it."""
    threads = spec.threads or min(8, os.cpu_count() or 1)
    model = llama_cpp.Llama(
        spec.path,
        n_ctx=spec.context,
        n_batch=spec.batch,
        n_ubatch=spec.batch,
        n_threads=threads,
        n_threads_batch=threads,
        n_gpu_layers=spec.gpu_layers,
        verbose=False,
    )
    return Interleaved(Thinker(model, spec.batch).begin, WIDTH)


class Thinker:
    """Owns the model and its context."""

    def __init__(self, model: Any, batch: int) -> None:
        self._model = model
        self._batch = batch
        self._vocabulary = Vocabulary(model)
        self._format = Jinja2ChatFormatter(
            template=model.metadata.get("tokenizer.chat_template", CHATML),
            eos_token=self._vocabulary.piece(model.token_eos()).decode("utf-8", "ignore"),
            bos_token=self._vocabulary.piece(model.token_bos()).decode("utf-8", "ignore"),
        )

    def begin(self, job: AnyJob, _payload: bytes) -> Iterator[Progress]:
        """Parts of one reply."""
        assert isinstance(job, Generate)  # noqa: S101 - the host sends each job to its own engine
        model = self._model
        prompt = self._prompt(job)
        room = model.n_ctx() - len(prompt)
        limit = room if job.max_tokens is None else min(job.max_tokens, room)
        rest = self._continue_from(prompt)
        while len(rest) > self._batch:
            model.eval(rest[: self._batch])
            rest = rest[self._batch :]
            yield None
        model.set_seed(job.seed if job.seed is not None else int.from_bytes(os.urandom(4)))
        text = TextStream(job.stop)
        finish_reason: Literal["stop", "length"] = "length"
        count = 0
        for token in model.generate(rest, temp=job.temperature, top_p=job.top_p, reset=False):
            if self._vocabulary.is_end(token):
                finish_reason = "stop"
                break
            count += 1
            certain = text.feed(model.detokenize([token]))
            yield (Token(text=certain), b"") if certain else None
            if text.stopped:
                finish_reason = "stop"
                break
            if count >= limit:
                break
        if certain := text.finish():
            yield Token(text=certain), b""
        yield Generated(finish_reason=finish_reason, prompt_tokens=len(prompt), completion_tokens=count), b""

    def _prompt(self, job: Generate) -> list[int]:
        context = self._model.n_ctx()
        # A text far too long is refused by its size: to tokenise it could take minutes.
        least = sum(len(message.content.encode()) for message in job.messages) // self._vocabulary.longest_token_bytes
        if least >= context:
            raise _too_long(context, f"{least} or more")
        harmless = self._vocabulary.harmless
        messages: Any = [{"role": message.role, "content": harmless(message.content)} for message in job.messages]
        formatted = self._format(messages=messages)
        add_bos = not formatted.added_special
        prompt: list[int] = self._model.tokenize(formatted.prompt.encode(), add_bos=add_bos, special=True)
        if len(prompt) >= context:
            raise _too_long(context, str(len(prompt)))
        return prompt

    def _continue_from(self, prompt: list[int]) -> list[int]:
        """Keep what the context has of `prompt`; returns the tokens that are still to be evaluated, one at least."""
        model = self._model
        resident = model.input_ids[: model.n_tokens].tolist()
        same = 0
        while same < min(len(resident), len(prompt) - 1) and resident[same] == prompt[same]:
            same += 1
        if same < model.n_tokens and not llama_cpp.llama_memory_seq_rm(
            llama_cpp.llama_get_memory(model.ctx), -1, same, -1
        ):
            # A model with a sliding window or a recurrent state cannot go back; begin anew.
            llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(model.ctx), True)
            same = 0
        model.n_tokens = same
        return prompt[same:]


def _too_long(context: int, taken: str) -> RequestError:
    return RequestError(
        f"The model's context is {context} tokens; the messages take {taken}. Shorten the messages.",
        code="context_length_exceeded",
        param="messages",
    )
