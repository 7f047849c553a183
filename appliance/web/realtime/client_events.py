"""What clients send: the eleven events of the protocol, the beta's names for them, and a ping of our own."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from appliance.errors import RequestError
from appliance.web.realtime.wire_items import Id
from appliance.web.wire_response_items import converted

MOST_APPEND_BYTES = 15 * 1024 * 1024
"""Of audio in one event, as in OpenAI's protocol."""


class ClientEvent(msgspec.Struct, kw_only=True):
    """Base of them all."""

    event_id: Annotated[str, Meta(max_length=512)] | None = None


class SessionUpdate(ClientEvent, kw_only=True):
    """`session.update`."""

    session: dict[str, Any]


class BufferAppend(ClientEvent, kw_only=True):
    """`input_audio_buffer.append`."""

    audio: bytes


class BufferCommit(ClientEvent):
    """`input_audio_buffer.commit`."""


class BufferClear(ClientEvent):
    """`input_audio_buffer.clear`."""


class OutputClear(ClientEvent):
    """`output_audio_buffer.clear`."""


class ItemCreate(ClientEvent, kw_only=True):
    """`conversation.item.create`."""

    item: dict[str, Any]
    previous_item_id: Id | None = None


class ItemRetrieve(ClientEvent, kw_only=True):
    """`conversation.item.retrieve`."""

    item_id: Id


class ItemTruncate(ClientEvent, kw_only=True):
    """`conversation.item.truncate`."""

    item_id: Id
    content_index: Annotated[int, Meta(ge=0)] = 0
    audio_end_ms: Annotated[float, Meta(ge=0)]


class ItemDelete(ClientEvent, kw_only=True):
    """`conversation.item.delete`."""

    item_id: Id


class ResponseCreate(ClientEvent):
    """`response.create`."""

    response: dict[str, Any] | None = None


class ResponseCancel(ClientEvent):
    """`response.cancel`."""

    response_id: Id | None = None


class Ping(ClientEvent):
    """`appliance.ping`: whether anybody is still there; browsers cannot send a WebSocket's own."""


KINDS: dict[str, type[ClientEvent]] = {
    "session.update": SessionUpdate,
    "transcription_session.update": SessionUpdate,
    "input_audio_buffer.append": BufferAppend,
    "input_audio_buffer.commit": BufferCommit,
    "input_audio_buffer.clear": BufferClear,
    "output_audio_buffer.clear": OutputClear,
    "conversation.item.create": ItemCreate,
    "conversation.item.retrieve": ItemRetrieve,
    "conversation.item.truncate": ItemTruncate,
    "conversation.item.delete": ItemDelete,
    "response.create": ResponseCreate,
    "response.cancel": ResponseCancel,
    "appliance.ping": Ping,
}


class Malformed(RequestError):
    """An event that cannot be read; `event_id` is its own, if that much of it could."""

    def __init__(self, error: RequestError, event_id: str | None) -> None:
        super().__init__(error.message, code=error.code, param=error.param)
        self.event_id = event_id


def read(data: str | bytes) -> ClientEvent:
    """One message of the client's. Raises `Malformed`."""
    try:
        raw = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed(RequestError("The message is not JSON.", param="body"), None) from None
    event_id = raw.get("event_id") if isinstance(raw, dict) else None
    known = event_id if isinstance(event_id, str) else None
    try:
        return _event(raw)
    except RequestError as error:
        raise Malformed(error, known) from error


def _event(raw: Any) -> ClientEvent:
    if not isinstance(raw, dict):
        raise RequestError("An event is a JSON object.", param="body")
    kind = raw.get("type")
    if not isinstance(kind, str):
        raise RequestError("The event has no type.", code="missing_field", param="type")
    if kind not in KINDS:
        raise RequestError(f"There is no event {kind[:128]!r}; there are {', '.join(KINDS)}.", param="type")
    try:
        event = converted(raw, KINDS[kind], "event")
    except RequestError as error:  # clients know the fields of an event by their own names
        param = (error.param or "").removeprefix("event.")
        raise RequestError(error.message.replace("event.", "", 1), code=error.code, param=param) from None
    if isinstance(event, BufferAppend) and len(event.audio) > MOST_APPEND_BYTES:
        raise RequestError(f"The audio is larger than {MOST_APPEND_BYTES} bytes.", code="body_too_large", param="audio")
    if kind == "transcription_session.update" and isinstance(event, SessionUpdate):
        event.session = {**event.session, "type": "transcription"}
    return event
