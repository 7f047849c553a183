"""The words of a spoken turn at the HTTP door: our own, in the manner of OpenAI's events."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar.datastructures import UploadFile
from msgspec import Meta

from appliance.encoding import AudioFormat
from appliance.web.wire_citations import FileCitation
from appliance.web.wire_conversation_id import ConversationId


class TurnForm(msgspec.Struct, kw_only=True):
    """Form of `/v1/voice/turns`."""

    audio: Annotated[UploadFile, Meta(description="What the user says, in any audio format.")]
    model: Annotated[str, Meta(description="Who answers: a language model, or an assistant.")] | None = None
    voice: Annotated[str, Meta(description="Short name of the voice that answers.")] | None = None
    instructions: Annotated[str, Meta(description="What the assistant is told first.")] | None = None
    language: Annotated[str, Meta(description="ISO 639-1 code; detected if absent.")] | None = None
    conversation: ConversationId | None = None
    response_format: AudioFormat = "wav"
    store: Annotated[
        bool,
        Meta(description="False: the turn is not in the history, and no cache of transcripts or speech knows of it."),
    ] = True


class TurnStarted(msgspec.Struct, frozen=True, kw_only=True):
    """Event: the turn's transcript follows; name `conversation` in the next turn to go on."""

    conversation: str
    type: Literal["turn.started"] = "turn.started"


class TurnTranscript(msgspec.Struct, frozen=True, kw_only=True):
    """Event: what the user said."""

    text: str
    language: str
    type: Literal["turn.transcript"] = "turn.transcript"


class TurnTextDelta(msgspec.Struct, frozen=True, kw_only=True):
    """Event: the reply's next words."""

    delta: str
    type: Literal["turn.text.delta"] = "turn.text.delta"


class TurnAudioDelta(msgspec.Struct, frozen=True, kw_only=True):
    """Event: more of the reply's audio, base64; all of them joined are one file in the format asked for."""

    audio: bytes
    type: Literal["turn.audio.delta"] = "turn.audio.delta"


class TimingsBody(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from the turn's last byte of audio to each stage's result; null where there was none."""

    transcript_ms: float | None
    first_token_ms: float | None
    first_clause_ms: float | None
    first_audio_ms: float | None
    reply_ms: float | None
    done_ms: float | None


class TurnDoneEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Event: the turn is complete."""

    conversation: str
    transcript: str
    text: str
    audio_seconds: float
    timings: TimingsBody
    usage: dict[str, int]
    sources: list[FileCitation] = []
    """Passages of documents that the text rests on."""
    type: Literal["turn.done"] = "turn.done"
