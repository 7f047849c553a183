"""`POST /v1/completions`: texts that go on, streamed or whole."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import UNSET

from appliance.errors import InternalError
from appliance.jobs import AnyPart, Generate, Generated, Thought, Token, TokenLikelihood
from appliance.web.box import Box
from appliance.web.choices import check_count, side_by_side
from appliance.web.described import answers, json_of
from appliance.web.identity.guard import NEEDS
from appliance.web.live import EVENT_STREAM, Live, Write, event
from appliance.web.renaming import fields_named
from appliance.web.wire_completions import CompletionAnswer, CompletionChoice, CompletionRequest
from appliance.web.wire_generation import DONE, fingerprint, usage
from appliance.web.wire_likelihoods import Offsets


@post(
    "/v1/completions",
    opt={NEEDS: "text"},
    status_code=200,
    summary="Go on with a text",
    responses={200: json_of(CompletionAnswer)},
    operation_class=answers("application/json", EVENT_STREAM),
)
async def completions(box: NamedDependency[Box], data: JSONBody[CompletionRequest]) -> Response[Any]:
    """Go on with each prompt."""
    box.names.check_model("llm", data.model_name)
    jobs = data.jobs()
    check_count(len(jobs), box.settings.llm.queue, "n" if data.each > 1 else "prompt")
    if data.stream:
        return Live(lambda write: _stream(box, data, jobs, write), EVENT_STREAM)
    made = _completions(data, jobs)
    with fields_named(messages="prompt", text="prompt", tokens="prompt"):
        async with side_by_side(box.stages.llm, jobs) as parts:
            async for number, part in parts:
                made[number].take(part)
    choices = [completion.piece() for completion in made]
    return Response(CompletionAnswer(**_head(box), choices=choices, usage=usage(_ends(made), data.each)))


async def _stream(box: Box, data: CompletionRequest, jobs: list[Generate], write: Write) -> None:
    head, made = _head(box), _completions(data, jobs)
    nothing = None if data.include_usage else UNSET
    with fields_named(messages="prompt", text="prompt", tokens="prompt"):
        async with side_by_side(box.stages.llm, jobs) as parts:
            async for number, part in parts:
                made[number].take(part)
                if made[number].has_news:
                    await write(event(CompletionAnswer(**head, choices=[made[number].piece()], usage=nothing)))
    if data.include_usage:
        await write(event(CompletionAnswer(**head, choices=[], usage=usage(_ends(made), data.each))))
    await write(DONE)


class Completion:
    """One completion, taken part by part and given piece by piece; the first piece begins with the echo."""

    def __init__(self, index: int, echo: str, *, logprobs: bool) -> None:
        self._index, self._logprobs = index, logprobs
        self._text = [echo] if echo else []
        self._likelihoods: list[TokenLikelihood] = []
        self._offsets = Offsets(len(echo))
        self.end: Generated | None = None

    @property
    def has_news(self) -> bool:
        """Whether anything came since the piece before."""
        return bool(self._text or self._likelihoods or self.end)

    def take(self, part: AnyPart) -> None:
        """The next part."""
        match part:
            case Token(text=text, likelihoods=likelihoods):
                self._likelihoods += likelihoods
            case Thought(text=text):  # a text that goes on has no thoughts apart from itself
                pass
            case Generated():
                self.end, text = part, ""
            case _:
                return
        if text:
            self._text.append(text)

    def piece(self) -> CompletionChoice:
        """What came since the piece before."""
        text, self._text = "".join(self._text), []
        likelihoods, self._likelihoods = self._likelihoods, []
        return CompletionChoice(
            index=self._index,
            text=text,
            logprobs=self._offsets.logprobs(likelihoods) if self._logprobs and (likelihoods or self.end) else None,
            finish_reason=self.end.finish_reason if self.end else None,
        )


def _completions(data: CompletionRequest, jobs: list[Generate]) -> list[Completion]:
    return [
        Completion(number, (job.text or "") if data.echo else "", logprobs=data.logprobs is not None)
        for number, job in enumerate(jobs)
    ]


def _ends(made: list[Completion]) -> list[Generated]:
    ends = [completion.end for completion in made if completion.end is not None]
    if len(ends) < len(made):
        raise InternalError("The thinking stage ended without an end.")
    return ends


def _head(box: Box) -> dict[str, Any]:
    return {
        "id": f"cmpl-{uuid4().hex}",
        "created": int(time.time()),
        "model": box.names.llm,
        "system_fingerprint": fingerprint(box.names.llm, box.settings.llm),
    }
