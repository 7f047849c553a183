"""The settings of a session in OpenAI's words: what clients send, in today's names or the beta's, and what they get."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from appliance.errors import RequestError
from appliance.sound import RATES, SoundFormat
from appliance.turns.detection import Eagerness
from appliance.web.wire_response_items import converted
from appliance.web.wire_responses import Metadata
from appliance.web.wire_tools import Choosing

Modality = Literal["text", "audio"]
Modalities = Annotated[list[Modality], Meta(min_length=1, max_length=2)]
Limit = Annotated[int, Meta(ge=1, le=4096)] | Literal["inf"]
Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]
MOST_TEXT = 100_000
Text = Annotated[str, Meta(max_length=MOST_TEXT)]

FORMATS: dict[str, SoundFormat] = {"audio/pcm": "pcm", "audio/pcmu": "pcmu", "audio/pcma": "pcma"}
BETA_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}


class FormatBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How audio travels: `audio/pcm` is mono 16-bit little-endian at 24 kHz, the others G.711 at 8 kHz."""

    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
    rate: Literal[24000, 8000] | None = None

    def __post_init__(self) -> None:
        """Each format has a rate of its own."""
        if self.rate is not None and self.rate != RATES[FORMATS[self.type]]:
            raise ValueError(f"{self.type} has {RATES[FORMATS[self.type]]} Hz")

    @property
    def plain(self) -> SoundFormat:
        """Our name for it."""
        return FORMATS[self.type]


class TranscriptionBody(msgspec.Struct, frozen=True, kw_only=True):
    """Whether and how the client gets transcripts of what the user says."""

    model: str = "default"
    language: str | None = None
    prompt: Annotated[str, Meta(max_length=2000)] | None = None
    keywords: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=100)] | None = None


class ServerVadBody(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    """A turn is over after a fixed silence."""

    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.5
    prefix_padding_ms: Milliseconds = 300
    silence_duration_ms: Annotated[int, Meta(ge=64, le=60_000)] = 500
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: Annotated[int, Meta(ge=1000, le=3_600_000)] | None = None


class SemanticVadBody(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="semantic_vad"):
    """A turn is over when it sounds so."""

    eagerness: Eagerness = "auto"
    create_response: bool = True
    interrupt_response: bool = True


class InputBody(msgspec.Struct, frozen=True, kw_only=True):
    """The user's audio. Noise reduction is not built: a setting of it is taken, and shown as null."""

    format: FormatBody = FormatBody(type="audio/pcm", rate=24000)
    noise_reduction: None = None
    transcription: TranscriptionBody | None = None
    turn_detection: ServerVadBody | SemanticVadBody | None = ServerVadBody()


class OutputBody(msgspec.Struct, frozen=True, kw_only=True):
    """The replies' audio."""

    format: FormatBody = FormatBody(type="audio/pcm", rate=24000)
    voice: str = "default"
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] = 1.0


class AudioBody(msgspec.Struct, frozen=True, kw_only=True):
    """Audio of both directions."""

    input: InputBody = InputBody()
    output: OutputBody = OutputBody()


class NamedFunction(msgspec.Struct, frozen=True, kw_only=True):
    """The one function that has to be called."""

    name: str
    type: Literal["function"] = "function"


class RetentionRatio(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the conversation stays when it has outgrown the context."""

    retention_ratio: Annotated[float, Meta(gt=0, lt=1)]
    type: Literal["retention_ratio"] = "retention_ratio"


class SessionBody(msgspec.Struct, frozen=True, kw_only=True):
    """A whole session."""

    id: str = ""
    object: Literal["realtime.session"] = "realtime.session"
    type: Literal["realtime", "transcription"] = "realtime"
    model: str = "default"
    instructions: Text = ""
    output_modalities: Modalities = msgspec.field(default_factory=lambda: ["audio"])
    audio: AudioBody = AudioBody()
    tools: list[dict[str, Any]] = []
    tool_choice: Choosing | NamedFunction = "auto"
    parallel_tool_calls: bool = True
    max_output_tokens: Limit = "inf"
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0.6
    truncation: Literal["auto", "disabled"] | RetentionRatio = "auto"
    include: list[str] | None = None
    prompt: None = None
    tracing: None = None


class ResponseBody(msgspec.Struct, frozen=True, kw_only=True):
    """What `response.create` may say otherwise than the session; what is absent is the session's."""

    instructions: Text | None = None
    output_modalities: Modalities | None = None
    audio: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Choosing | NamedFunction | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: Limit | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    conversation: Literal["auto", "none"] | None = None
    metadata: Metadata | None = None
    input: Annotated[list[dict[str, Any]], Meta(max_length=2000)] | None = None


def merged(session: SessionBody, patch: dict[str, Any]) -> SessionBody:
    """The session with what a client wants otherwise. Raises `RequestError` that names the field."""
    given = today(patch)
    if given.pop("prompt", None) is not None:
        raise RequestError("session.prompt is not supported.", code="unsupported_parameter", param="session.prompt")
    for fixed in ("id", "object", "expires_at", "tracing", "client_secret", "reasoning"):
        given.pop(fixed, None)
    now: dict[str, Any] = msgspec.to_builtins(session)
    audio = given.pop("audio", None)
    now.update({key: value for key, value in given.items() if value is not None or key == "include"})
    for side in ("input", "output"):
        now["audio"][side].update(given_side(side, _object(_object(audio, "audio").get(side), f"audio.{side}")))
    changed = converted(now, SessionBody, "session")
    if len(set(changed.output_modalities)) != 1:
        raise RequestError("Give one of 'text' and 'audio'.", param="session.output_modalities")
    return changed


def given_side(side: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """The fields of a side of the audio that a client wants otherwise, as `InputBody` and `OutputBody` have them."""
    kept = {key: value for key, value in wanted.items() if key != "noise_reduction"}
    if isinstance(kept.get("voice"), dict):
        kept["voice"] = kept["voice"].get("id")
    nullable = ("transcription", "turn_detection") if side == "input" else ()
    return {key: value for key, value in kept.items() if value is not None or key in nullable}


def today(patch: dict[str, Any]) -> dict[str, Any]:
    """A session or response in today's names, whichever the client used."""
    given = dict(patch)
    for old, new in (("modalities", "output_modalities"), ("max_response_output_tokens", "max_output_tokens")):
        if old in given:
            given.setdefault(new, given.pop(old))
    modalities = given.get("output_modalities")
    if isinstance(modalities, list) and "audio" in modalities:  # the beta's ["text", "audio"]
        given["output_modalities"] = ["audio"]
    audio = _object(given.get("audio"), "audio")
    sides: dict[str, dict[str, Any]] = {"input": {}, "output": {}}
    for old, side, new in (
        ("input_audio_format", "input", "format"),
        ("input_audio_transcription", "input", "transcription"),
        ("input_audio_noise_reduction", "input", "noise_reduction"),
        ("turn_detection", "input", "turn_detection"),
        ("output_audio_format", "output", "format"),
        ("voice", "output", "voice"),
        ("speed", "output", "speed"),
    ):
        if old in given:
            value = given.pop(old)
            named = new == "format" and isinstance(value, str)
            sides[side][new] = {"type": BETA_FORMATS.get(value, value)} if named else value
    if any(sides.values()):
        given["audio"] = {side: {**sides[side], **_object(audio.get(side), f"audio.{side}")} for side in sides}
    return given


def _object(given: Any, where: str) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise RequestError(f"{where} is not an object.", param=where)
    return given
