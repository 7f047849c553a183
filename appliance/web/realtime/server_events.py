"""What clients get: every event of a live conversation, in the protocol's words."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec

from appliance.ids import new_id
from appliance.sound import SoundOut
from appliance.voice.live import events as e
from appliance.web import faults
from appliance.web.realtime.wire_items import item_body
from appliance.web.wire_citations import FileCitation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.dialogue.heard import Caption
    from appliance.errors import ApplianceError
    from appliance.sound import SoundFormat
    from appliance.voice.live.response import Response
    from appliance.web.realtime.wire_session import SessionBody

PIECES = {
    "text": "output_text",
    "transcript": "output_audio_transcript",
    "audio": "output_audio",
    "arguments": "function_call_arguments",
}


class Wording:
    """Puts one session's events into words."""

    def __init__(
        self, conversation_id: str, form: SoundFormat, *, timed: bool = False, captioned: bool = False
    ) -> None:  # fmt: skip
        """`timed`, `captioned`: the client asked for events that are none of the protocol's."""
        self._timed, self._captioned = timed, captioned
        self.conversation_id = conversation_id
        self.form: SoundFormat = form
        self.form_in: SoundFormat = "pcm"
        """Of the users' audio, where they ask for it."""
        self._sound: tuple[str, SoundOut] | None = None

    def say(self, event: e.LiveEvent) -> list[bytes]:
        """One event's messages."""
        return [encode(body) for body in self._bodies(event) if body is not None]

    def _bodies(self, event: e.LiveEvent) -> list[dict[str, Any] | None]:
        match event:
            case e.ResponseCreated(response):
                created = {"type": "response.created", "response": self._response(response)}
                return [created, {"type": "rate_limits.updated", "rate_limits": []}]
            case e.ResponseDone(response):
                return [{"type": "response.done", "response": self._response(response)}]
            case e.TurnTimed(response_id, timings, end):
                times = {"milliseconds": timings, "voice_end_ms": end}
                return [
                    {"type": "appliance.turn.timings", "response_id": response_id, **times} if self._timed else None
                ]
            case e.Captioned():
                return [_captioned(event, event.captions()) if self._captioned else None]
            case e.OutputAdded() | e.OutputDone() | e.PartAdded() | e.PartDone():
                return [_frame(event)]
            case e.Delta():
                return [self._delta(event)]
            case e.Cited():
                return [_cited(event)]
            case e.PieceDone():
                rest = self._rest(event)
                return [rest, _piece_done(event)]
            case _:
                return [_plain(event, self.form_in)]

    def _delta(self, event: e.Delta) -> dict[str, Any] | None:
        body = {"type": f"response.{PIECES[event.piece]}.delta", **_place(event)}
        if event.piece == "arguments":
            del body["content_index"]
            return {**body, "call_id": event.item.call_id, "delta": event.text}
        if event.piece != "audio":
            return {**body, "delta": event.text}
        data = self._sounding(event.item.id).feed(event.pcm)
        return {**body, "delta": base64.b64encode(data).decode()} if data else None

    def _sounding(self, item_id: str) -> SoundOut:
        """One encoder an item, so that nothing clicks inside it."""
        if self._sound is None or self._sound[0] != item_id:
            self._sound = (item_id, SoundOut(self.form))
        return self._sound[1]

    def _rest(self, event: e.PieceDone) -> dict[str, Any] | None:
        if event.piece != "audio" or self._sound is None or self._sound[0] != event.item.id:
            return None
        sound, self._sound = self._sound[1], None
        data = sound.feed(b"", last=True)
        if not data or event.response.outcome != "in_progress":
            return None
        return {"type": "response.output_audio.delta", **_place(event), "delta": base64.b64encode(data).decode()}

    def _response(self, response: Response) -> dict[str, Any]:
        style, written = response.style, response.draft.written
        details: dict[str, Any] | None = None
        if response.outcome not in ("in_progress", "completed"):
            details = {"type": response.outcome}
            if response.outcome == "failed" and response.error is not None:
                if response.error.status < 500:  # the others are told once more, as an event of their own
                    faults.told(response.error)
                details["error"] = error_body(response.error)
            else:
                details["reason"] = response.reason
        usage = None
        if written is not None:
            told, said, cached = written.prompt_tokens, written.completion_tokens, written.cached_tokens
            usage = {
                "total_tokens": told + said,
                "input_tokens": told,
                "output_tokens": said,
                "input_token_details": {"text_tokens": told, "audio_tokens": 0, "cached_tokens": cached},
                "output_token_details": {"text_tokens": said, "audio_tokens": 0},
            }
        return {
            "object": "realtime.response",
            "id": response.id,
            "status": response.outcome,
            "status_details": details,
            "output": [item_body(item) for item in response.output],
            "conversation_id": self.conversation_id if response.joins else None,
            "output_modalities": ["audio" if style.manner.spoken else "text"],
            "max_output_tokens": style.max_tokens if style.max_tokens is not None else "inf",
            "audio": {"output": {"format": {"type": f"audio/{self.form}"}, "voice": style.manner.voice}},
            "usage": usage,
            "metadata": response.metadata,
        }


def error_body(error: ApplianceError) -> dict[str, Any]:
    """An error inside another event."""
    return {"type": error.type, "code": error.code, "message": error.message, "param": error.param}


def session_event(kind: str, session: SessionBody) -> bytes:
    """`session.created` and `session.updated`."""
    return encode({"type": kind, "session": msgspec.to_builtins(session)})


def encode(body: dict[str, Any]) -> bytes:
    """One message, with an id of its own."""
    return msgspec.json.encode({"event_id": new_id("event"), **body})


def _captioned(event: e.Captioned, captions: Sequence[Caption]) -> dict[str, Any] | None:
    if not captions:
        return None
    words = [{"text": each.written, "start_ms": each.start, "end_ms": each.end} for each in captions]
    return {"type": "appliance.output_audio.words", **_place(event), "clause": event.clause, "words": words}


def _place(event: e.Delta | e.Captioned | e.PieceDone | e.Cited | e.PartAdded | e.PartDone) -> dict[str, Any]:
    return {
        "response_id": event.response.id,
        "item_id": event.item.id,
        "output_index": event.index,
        "content_index": 0,
    }


def _frame(event: e.OutputAdded | e.OutputDone | e.PartAdded | e.PartDone) -> dict[str, Any]:
    match event:
        case e.OutputAdded(response, index, item) | e.OutputDone(response, index, item):
            kind = "added" if isinstance(event, e.OutputAdded) else "done"
            body = {"response_id": response.id, "output_index": index, "item": item_body(item)}
            return {"type": f"response.output_item.{kind}", **body}
        case e.PartAdded() | e.PartDone():
            kind = "added" if isinstance(event, e.PartAdded) else "done"
            text = event.text if isinstance(event, e.PartDone) else ""
            part = {"type": "audio", "transcript": text} if event.item.said[0].aloud else {"type": "text", "text": text}
            return {"type": f"response.content_part.{kind}", **_place(event), "part": part}


def _cited(event: e.Cited) -> dict[str, Any]:
    """As at `/v1/responses`; the protocol of live conversations has no such event."""
    piece = PIECES["transcript" if event.item.said[0].aloud else "text"]
    annotation = msgspec.to_builtins(FileCitation.of(event.source))
    place = {**_place(event), "annotation_index": event.number}
    return {"type": f"response.{piece}.annotation.added", **place, "annotation": annotation}


def _piece_done(event: e.PieceDone) -> dict[str, Any]:
    body = {"type": f"response.{PIECES[event.piece]}.done", **_place(event)}
    match event.piece:
        case "arguments":
            del body["content_index"]
            return {**body, "call_id": event.item.call_id, "name": event.item.name, "arguments": event.text}
        case "transcript":
            return {**body, "transcript": event.text}
        case "text":
            return {**body, "text": event.text}
        case "audio":
            return body


def _plain(event: e.LiveEvent, form: SoundFormat) -> dict[str, Any]:
    """Events that are said in one way only; the users' audio in `form`."""
    match event:
        case e.SpeechStarted(item_id, at):
            return {"type": "input_audio_buffer.speech_started", "audio_start_ms": at, "item_id": item_id}
        case e.SpeechStopped(item_id, at):
            return {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": at, "item_id": item_id}
        case e.IdleTimeout(item_id, start, end):
            times = {"audio_start_ms": start, "audio_end_ms": end}
            return {"type": "input_audio_buffer.timeout_triggered", "item_id": item_id, **times}
        case e.BufferCommitted(item_id, previous):
            return {"type": "input_audio_buffer.committed", "item_id": item_id, "previous_item_id": previous}
        case e.BufferCleared():
            return {"type": "input_audio_buffer.cleared"}
        case e.ItemAdded(item, previous):
            return {"type": "conversation.item.added", "item": item_body(item), "previous_item_id": previous}
        case e.ItemDone(item, previous):
            return {"type": "conversation.item.done", "item": item_body(item), "previous_item_id": previous}
        case e.ItemRetrieved(item):
            return {"type": "conversation.item.retrieved", "item": item_body(item, form)}
        case e.ItemDeleted(item_id):
            return {"type": "conversation.item.deleted", "item_id": item_id}
        case e.ItemTruncated(item_id, index, end):
            place = {"item_id": item_id, "content_index": index, "audio_end_ms": end}
            return {"type": "conversation.item.truncated", **place}
        case e.TranscriptDelta() | e.TranscriptDone() | e.TranscriptFailed():
            return _transcript(event)
        case e.OutputCleared(response_id):
            return {"type": "output_audio_buffer.cleared", "response_id": response_id}
        case e.Fault(error, cause):
            faults.told(error)
            return {"type": "error", "error": {**error_body(error), "event_id": cause}}
        case _:
            raise TypeError(type(event).__name__)


def _transcript(event: e.TranscriptDelta | e.TranscriptDone | e.TranscriptFailed) -> dict[str, Any]:
    body = {"item_id": event.item_id, "content_index": 0}
    kind = "conversation.item.input_audio_transcription"
    match event:
        case e.TranscriptDelta(delta=delta):
            return {"type": f"{kind}.delta", **body, "delta": delta}
        case e.TranscriptDone(text=text, seconds=seconds):
            usage = {"type": "duration", "seconds": round(seconds, 3)}
            return {"type": f"{kind}.completed", **body, "transcript": text, "usage": usage}
        case e.TranscriptFailed(error=error):
            faults.told(error)
            return {"type": f"{kind}.failed", **body, "error": error_body(error)}


def failed_done(message: bytes, error: ApplianceError) -> bytes:
    """`response.done` for a response that is not remembered; other messages as they are."""
    body = msgspec.json.decode(message)
    if body["type"] == "response.done":
        body["response"] |= {
            "status": "failed", "status_details": {"type": "failed", "error": error_body(error)}
        }  # fmt: skip
    return encode(body)
