"""What goes into an engine and what streams out of it: the only words the two sides of a worker share.

A job goes in, parts stream out, and it can be aborted between two parts. Large binary values never travel
inside a job or part: they are its *payload*, raw bytes beside it. One payload is defined per type below.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Role = Literal["stt", "llm", "tts"]
ROLES: tuple[Role, ...] = ("stt", "llm", "tts")

STT_RATE = 16_000
"""Hz of the samples that the listening side works in."""

SPEECH_RATE = 24_000
"""Hz of all audio that leaves the box; the rate that OpenAI's `pcm` promises."""


class Job(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of all jobs."""


class Part(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of all parts."""


class Transcribe(Job, frozen=True, kw_only=True):
    """Speech to text. Payload: the audio file as it was sent, in any container."""

    language: str | None = None
    """ISO 639-1 code, or None to detect it."""
    task: Literal["transcribe", "translate"] = "transcribe"
    prompt: str | None = None
    temperature: float = 0.0
    words: bool = False
    """Whether each segment carries word times (costs an alignment pass)."""
    max_seconds: float = 3600.0
    """Longer audio is refused as `audio_too_long`."""


class Heard(Part, frozen=True, kw_only=True):
    """First part of a transcription: what was decoded, before any word is known."""

    seconds: float
    language: str
    language_probability: float


class Word(msgspec.Struct, frozen=True):
    """One word with its times in seconds from the start of the audio."""

    word: str
    start: float
    end: float
    probability: float


class Segment(Part, frozen=True, kw_only=True):
    """A stretch of transcript; times in seconds from the start of the audio."""

    id: int
    start: float
    end: float
    text: str
    tokens: list[int] = []
    temperature: float = 0.0
    avg_logprob: float = 0.0
    compression_ratio: float = 1.0
    no_speech_prob: float = 0.0
    words: list[Word] = []


Priority = Literal["live", "typed", "background"]
"""Who waits for the words: someone who listens, someone who reads, nobody in particular."""


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


class Generated(Part, frozen=True, kw_only=True):
    """Last part of a generation."""

    finish_reason: Literal["stop", "length", "tool_calls"]
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    """Tokens of the prompt that had been read before."""
    thought_tokens: int = 0
    """Tokens of the completion that were thoughts."""


class Prepared(Part, frozen=True, kw_only=True):
    """The only part of a `Prepare`."""

    prompt_tokens: int
    cached_tokens: int


class Embedding(Part, frozen=True, kw_only=True):
    """One text's vector. Payload: `dimensions` 32-bit little-endian floats of length 1."""

    index: int
    dimensions: int
    tokens: int


class Speak(Job, frozen=True, kw_only=True):
    """Text to speech. No payload."""

    text: str
    voice: str | None = None
    """Short name of an installed voice; None for the default one."""
    speed: float = 1.0
    """1.0 is the voice's own pace; 2.0 is twice as fast."""
    split: bool = True
    """Whether to speak clause by clause; False where the text is a clause already."""


class Audio(Part, frozen=True, kw_only=True):
    """A stretch of speech. Payload: mono signed 16-bit little-endian samples at `SPEECH_RATE`."""

    samples: int


AnyJob = Transcribe | Generate | Prepare | Embed | Speak
AnyPart = Heard | Segment | Token | Thought | Called | Arguments | Generated | Prepared | Embedding | Audio
