"""What clients and satellites send, as far as the box has to do with it. The field names are the protocol's."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from appliance.errors import RequestError
from appliance.wyoming.frames import Frame

Name = Annotated[str, Meta(max_length=256)]
Text = Annotated[str, Meta(max_length=100_000)]
Names = Annotated[list[Name], Meta(max_length=20_000)]
Stage = Literal["wake", "asr", "intent", "handle", "tts"]
STAGES: tuple[Stage, ...] = ("wake", "asr", "intent", "handle", "tts")
"""In their order."""


class ClientEvent(msgspec.Struct, kw_only=True, frozen=True):
    """Base of them all. What else an event has is left alone."""


class Describe(ClientEvent, frozen=True):
    """`describe`."""


class Ping(ClientEvent, frozen=True):
    """`ping`."""

    text: Text | None = None


class SelectProgram(ClientEvent, frozen=True):
    """`select-program`: for the rest of the connection."""

    name: Name


class Context(msgspec.Struct, frozen=True):
    """What belongs to a conversation."""

    conversation_id: str | None = None


class Transcribe(ClientEvent, frozen=True):
    """`transcribe`: audio follows."""

    name: Name | None = None
    language: Name | None = None
    vad_sensitivity: Name | None = None
    transcript_names: Names | None = None
    transcript_terms: Names | None = None


class Form(ClientEvent, frozen=True):
    """How audio comes: `rate` in Hz, `width` in bytes."""

    rate: Annotated[int, Meta(ge=4_000, le=192_000)]
    width: Annotated[int, Meta(ge=1, le=4)]
    channels: Annotated[int, Meta(ge=1, le=8)]


class AudioStart(Form, frozen=True):
    """`audio-start`."""


class AudioChunk(Form, frozen=True):
    """`audio-chunk`: `audio` is the payload, whole frames of samples, or nearly."""

    audio: bytes = b""
    timestamp: int | None = None


class AudioStop(ClientEvent, frozen=True):
    """`audio-stop`."""


class Voice(msgspec.Struct, frozen=True):
    """Who is to speak."""

    name: Name | None = None
    language: Name | None = None
    speaker: Name | None = None


class SynthesizeStart(ClientEvent, frozen=True):
    """`synthesize-start`: text follows, piece by piece."""

    voice: Voice | None = None
    text_format: Name | None = None


class Synthesize(SynthesizeStart, kw_only=True, frozen=True):
    """`synthesize`."""

    text: Text


class SynthesizeChunk(ClientEvent, frozen=True):
    """`synthesize-chunk`."""

    text: Text


class SynthesizeStop(ClientEvent, frozen=True):
    """`synthesize-stop`."""


class Transcript(ClientEvent, frozen=True):
    """`transcript`: words that are to be answered."""

    text: Text
    language: Name | None = None
    context: Context | None = None


class Detect(ClientEvent, frozen=True):
    """`detect`: audio follows, in which somebody may say a wake word."""

    names: Names | None = None


class RunPipeline(ClientEvent, frozen=True):
    """`run-pipeline`: from one stage to another, in this connection."""

    start_stage: Stage
    end_stage: Stage
    wake_word_names: Names | None = None
    restart_on_end: bool = False
    announce_text: Text | None = None


class Played(ClientEvent, frozen=True):
    """`played`: the speaker has said all that it was sent."""


KINDS: dict[str, type[ClientEvent]] = {
    "describe": Describe,
    "ping": Ping,
    "select-program": SelectProgram,
    "transcribe": Transcribe,
    "audio-start": AudioStart,
    "audio-chunk": AudioChunk,
    "audio-stop": AudioStop,
    "synthesize": Synthesize,
    "synthesize-start": SynthesizeStart,
    "synthesize-chunk": SynthesizeChunk,
    "synthesize-stop": SynthesizeStop,
    "transcript": Transcript,
    "detect": Detect,
    "run-pipeline": RunPipeline,
    "played": Played,
}


def event_of(came: Frame) -> ClientEvent | None:
    """What a frame says; None for what the box has nothing to do with. Raises `RequestError` that names the field."""
    kind = KINDS.get(came.type)
    if kind is None:
        return None
    given: dict[str, Any] = came.data
    try:
        event = msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise RequestError(f"{came.type}: {error}", param=_field(str(error)) or came.type) from None
    except RecursionError:
        raise RequestError(f"{came.type}: it is nested too deeply.", param=came.type) from None
    return replace(event, audio=came.payload) if isinstance(event, AudioChunk) else event


def _field(error: str) -> str:
    """Where msgspec says that something is wrong."""
    _, _, path = error.partition("at `$.")
    return path.partition("`")[0]
