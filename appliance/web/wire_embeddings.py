"""OpenAI's words for embeddings."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta

from appliance.errors import RequestError
from appliance.jobs import Embed
from appliance.web.wire_completions import several
from appliance.web.wire_generation import TokenCount

MOST_INPUTS: Final = 2048

EncodingFormat = Literal["float", "base64"]


class EmbeddingRequest(msgspec.Struct, kw_only=True):
    """Body of `/v1/embeddings`. What no field names is ignored."""

    input: str | list[Any]
    model: str | None = None
    encoding_format: EncodingFormat | None = None
    dimensions: Annotated[TokenCount, Meta(description="Fewer than the model has: the first ones.")] | None = None

    @property
    def model_name(self) -> str:
        """The model asked for."""
        return "default" if self.model is None else self.model

    def job(self) -> Embed:
        """As the engine takes it. Raises `RequestError` for an input that is none."""
        inputs = several(self.input, "input")
        if len(inputs) > MOST_INPUTS:
            raise RequestError(f"There are {len(inputs)} inputs; the limit is {MOST_INPUTS}.", param="input")
        texts = [each for each in inputs if isinstance(each, str)]
        tokens = [each for each in inputs if not isinstance(each, str)]
        if texts and tokens:
            raise RequestError("input mixes texts with lists of tokens.", param="input")
        return Embed(texts=texts, tokens=tokens)

    def body(self, index: int, vector: bytes) -> EmbeddingBody:
        """An answer's vector in the form asked for. Raises `RequestError` if it has fewer dimensions than asked for."""
        floats = np.frombuffer(vector, "<f4")
        if self.dimensions is not None and self.dimensions != len(floats):
            if self.dimensions > len(floats):
                raise RequestError(
                    f"dimensions is {self.dimensions}; the limit of this model is {len(floats)}.", param="dimensions"
                )
            floats = floats[: self.dimensions]
            length = float(np.linalg.norm(floats))
            floats = floats / np.float32(length) if length else floats
        form = self.encoding_format or "float"
        return EmbeddingBody(index=index, embedding=floats.tolist() if form == "float" else floats.tobytes())


class EmbeddingBody(msgspec.Struct, frozen=True, kw_only=True):
    """One input's vector; bytes are 32-bit little-endian floats, and leave as base64."""

    index: int
    embedding: list[float] | bytes
    object: Literal["embedding"] = "embedding"


class EmbeddingUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens that were read."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All vectors, in the order of the inputs."""

    data: list[EmbeddingBody]
    model: str
    usage: EmbeddingUsage
    object: Literal["list"] = "list"
