"""`POST /v1/embeddings`: texts in, vectors out."""

from __future__ import annotations

from typing import Any

import msgspec
from anyio import to_thread
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from appliance.errors import InternalError
from appliance.jobs import Embed, Embedding
from appliance.voice.stages import Stage
from appliance.web.box import Box
from appliance.web.described import json_of
from appliance.web.identity.guard import NEEDS
from appliance.web.renaming import fields_named
from appliance.web.wire_embeddings import EmbeddingAnswer, EmbeddingBody, EmbeddingRequest, EmbeddingUsage


@post(
    "/v1/embeddings",
    opt={NEEDS: "text"},
    status_code=200,
    summary="Text to vectors",
    responses={200: json_of(EmbeddingAnswer)},
)
async def embeddings(box: NamedDependency[Box], data: JSONBody[EmbeddingRequest]) -> Response[Any]:
    """Make a vector of each input."""
    role = box.names.embedder(data.model_name)
    stage = box.stages.embed if role == "embed" else box.stages.llm
    assert stage is not None  # noqa: S101 - a box whose names have an embed model has its stage
    with fields_named(texts="input", tokens="input", messages="input", text="input"):
        bodies, tokens = await _embed(stage, data, data.job())
    usage = EmbeddingUsage(prompt_tokens=tokens, total_tokens=tokens)
    answer = EmbeddingAnswer(data=bodies, model=box.names.own(role)[0], usage=usage)
    # A million floats take longer to write than anybody else should wait.
    written = await to_thread.run_sync(msgspec.json.encode, answer)
    return Response(written, media_type="application/json")


async def _embed(stage: Stage, data: EmbeddingRequest, job: Embed) -> tuple[list[EmbeddingBody], int]:
    bodies: dict[int, EmbeddingBody] = {}
    tokens = 0
    async with stage.stream(job) as parts:
        async for part, vector in parts:
            if isinstance(part, Embedding):
                bodies[part.index] = data.body(part.index, vector)
                tokens += part.tokens
    if len(bodies) != len(job.texts or job.tokens):
        raise InternalError("The stage left out a vector.")
    return [bodies[index] for index in sorted(bodies)], tokens
