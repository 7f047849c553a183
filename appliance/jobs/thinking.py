"""Thinking: prompts to words and vectors."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from appliance.jobs.base import Job, Part, Priority


class ToolCall(msgspec.Struct, frozen=True):
    """A call that the model made; `arguments` is the text of a JSON object."""

    id: str
    name: str
    arguments: str


class Message(msgspec.Struct, frozen=True):
    """One message of a prompt. A `tool` message answers the call `tool_call_id`."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: list[ToolCall] = []
    tool_call_id: str | None = None


class Tool(msgspec.Struct, frozen=True):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How a token is drawn from the model's distribution."""

    temperature: float = 0.7
    """0 takes the likeliest token."""
    top_p: float = 0.95
    top_k: int = 0
    """0: no bound."""
    min_p: float = 0.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repeat_penalty: float = 1.0
    """Penalties look at the reply alone, not at the prompt."""
    seed: int | None = None
    """The same seed gives the same text; with the defaults on a CPU, whatever else runs."""
    logit_bias: dict[int, float] = {}
    """Added to the logits of these tokens; −100 forbids and 100 forces, as OpenAI's documentation has it."""


class Prompt(Job, frozen=True, kw_only=True):
    """What the model reads: `messages` through its chat template, or `text` or `tokens` as they are."""

    messages: list[Message] = []
    text: str | None = None
    tokens: list[int] | None = None
    tools: list[Tool] = []
    thinking: bool | None = None
    """Whether a model that can think first shall; None leaves it to the model's template."""
    priority: Priority = "typed"


class Generate(Prompt, frozen=True, kw_only=True):
    """A prompt to a reply. No payload."""

    max_tokens: int | None = None
    """None: as many as the context holds."""
    room: int = 0
    """Tokens of the reply that the context has to have room for; else `context_length_exceeded`."""
    shortens: bool = False
    """Whoever sends it tells less of what was said before where that is exceeded: so what is quoted in it stays."""
    sampling: Sampling = Sampling()
    stop: list[str] = []
    tool_choice: Literal["auto", "none", "required"] = "auto"
    tool_name: str | None = None
    """The one tool that has to be called; goes before `tool_choice`."""
    parallel_tool_calls: bool = True
    json: bool = False
    """The reply is a JSON object."""
    schema: dict[str, Any] | None = None
    """The reply is JSON of this schema."""
    logprobs: int | None = None
    """So many alternatives beside each token; 0 for the chosen token alone, None for no figures."""


class Prepare(Prompt, frozen=True, kw_only=True):
    """Read a prompt's beginning ahead of time, so that a `Generate` that begins like it starts sooner. No payload.

    The last message may still grow: what stands before its end is kept.
    """


class Embed(Job, frozen=True, kw_only=True):
    """Texts to vectors. No payload."""

    texts: list[str] = []
    tokens: list[list[int]] = []
    """In place of `texts`."""
    cut: bool = False
    """Whether what a model that makes vectors cannot read of a text is left out; else it is an error."""
    priority: Priority = "background"


class Likelihood(msgspec.Struct, frozen=True):
    """A token, its bytes and the natural logarithm of its probability, before temperature and all limits."""

    token: bytes
    logprob: float


class TokenLikelihood(msgspec.Struct, frozen=True):
    """The token that was drawn, and the likeliest ones in its place."""

    chosen: Likelihood
    top: list[Likelihood] = []


class Token(Part, frozen=True, kw_only=True):
    """Text of the reply that is certain: whole characters, and no beginning of a stop string."""

    text: str
    likelihoods: list[TokenLikelihood] = []
    """Figures of the tokens since the part before, if asked for."""


class Thought(Part, frozen=True, kw_only=True):
    """Text that the model thinks before it replies."""

    text: str


class Called(Part, frozen=True, kw_only=True):
    """The model calls a tool: number `index` of this reply. Its arguments follow."""

    index: int
    id: str
    name: str


class Arguments(Part, frozen=True, kw_only=True):
    """More of the JSON text of a call's arguments."""

    index: int
    text: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A passage of a document that a part of a reply rests on: `text[start:end]` of all the reply's words."""

    document: str
    """Its id."""
    name: str
    """Of the document's file."""
    page: int | None = None
    """From 1; None where there are no pages."""
    heading: str = ""
    ordinal: int = 0
    """Of the passage in its document, from 0."""
    quote: str = ""
    """What of the passage the reply shares, 500 characters at most."""
    start: int
    end: int
    named: int | None = None
    """Characters of the reply, spaces not counted, before its sources are named aloud; None where they are not."""


class Generated(Part, frozen=True, kw_only=True):
    """Last part of a generation."""

    finish_reason: Literal["stop", "length", "tool_calls"]
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    """Tokens of the prompt that had been read before."""
    thought_tokens: int = 0
    """Tokens of the completion that were thoughts."""
    sources: list[Source] = []
    """What the reply rests on, where it was looked up in documents."""


class Prepared(Part, frozen=True, kw_only=True):
    """The only part of a `Prepare`."""

    prompt_tokens: int
    cached_tokens: int


class Embedding(Part, frozen=True, kw_only=True):
    """One text's vector. Payload: `dimensions` 32-bit little-endian floats of length 1."""

    index: int
    dimensions: int
    tokens: int
