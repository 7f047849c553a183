"""`WS /v1/realtime`: one live conversation over one WebSocket, and the secrets that browsers connect with."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream
from litestar import WebSocket, post, websocket
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta
from structlog.contextvars import bound_contextvars

from appliance import logs
from appliance.errors import ApplianceError, InternalError, RequestError
from appliance.ids import new_id
from appliance.settings import Settings
from appliance.voice.live.events import Fault, LiveEvent
from appliance.voice.live.session import LiveSession
from appliance.web.box import Box
from appliance.web.names import REALTIME_ALIASES
from appliance.web.realtime import client_events as c
from appliance.web.realtime.conducting import conduct, style
from appliance.web.realtime.lines import PREFIX
from appliance.web.realtime.server_events import Wording, encode, session_event
from appliance.web.realtime.wire_items import given_items, plain_item
from appliance.web.realtime.wire_session import ResponseBody, SessionBody, merged, today
from appliance.web.wire_response_items import converted

log = logs.logger(__name__)

MOST_WAITING = 4096
"""Messages that may wait for the client. Audio is paced, so only one that does not read has as many."""
TRY_AGAIN, POLICY = 1013, 1008
"""Close codes of RFC 6455."""
SUBPROTOCOL = "realtime"
SECRET_SUBPROTOCOL = "openai-insecure-api-key."  # noqa: S105 - its name, not a secret


def first_session(settings: Settings) -> SessionBody:
    """What a session is before its client says anything."""
    voice = settings.voice
    return SessionBody(
        instructions=voice.instructions, temperature=voice.temperature, max_output_tokens=voice.max_reply_tokens
    )


class ExpiresAfter(msgspec.Struct, kw_only=True):
    """How long a secret can begin sessions."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Meta(ge=10, le=7200)] = 600


class SecretRequest(msgspec.Struct, kw_only=True):
    """Body of `/v1/realtime/client_secrets`."""

    expires_after: ExpiresAfter = msgspec.field(default_factory=ExpiresAfter)
    session: dict[str, Any] = {}


class SecretAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A secret, and the session that it begins."""

    value: str
    expires_at: int
    session: SessionBody


@post("/v1/realtime/client_secrets", status_code=200, summary="A secret to begin a live conversation with")
async def client_secrets(box: NamedDependency[Box], data: JSONBody[SecretRequest]) -> SecretAnswer:
    """For browsers, which may not know a key."""
    session = merged(first_session(box.settings), data.session)
    conduct(session, box.names, box.settings.stt)
    value, until = box.lines.invite(session, data.expires_after.seconds)
    return SecretAnswer(value=value, expires_at=until, session=session)


@websocket("/v1/realtime")
async def realtime(socket: WebSocket[Any, Any, Any], box: NamedDependency[Box]) -> None:
    """A live conversation in OpenAI's Realtime protocol."""
    offered = [each.strip() for each in socket.headers.get("sec-websocket-protocol", "").split(",")]
    await socket.accept(subprotocols=SUBPROTOCOL if SUBPROTOCOL in offered else None)
    session_id = new_id("sess")
    with bound_contextvars(request_id=session_id):
        try:
            with box.lines.take():
                session = _opening(socket, box, offered, session_id)
                await _Line(socket, box, session).serve()
        except ApplianceError as error:  # refused before it began
            code = TRY_AGAIN if error.status >= 500 else POLICY
            await _part(socket, Wording("", "pcm").say(Fault(error)), code, error.code)


def _opening(socket: WebSocket[Any, Any, Any], box: Box, offered: list[str], session_id: str) -> SessionBody:
    """The session that was asked for by address or secret."""
    session = first_session(box.settings)
    keys = [each.removeprefix(SECRET_SUBPROTOCOL) for each in offered if each.startswith(SECRET_SUBPROTOCOL)]
    keys += [socket.headers.get("authorization", "").removeprefix("Bearer ")]
    for secret in keys:
        if secret.startswith(PREFIX):
            invited = box.lines.invited(secret)
            if invited is None:
                raise RequestError("The client secret is unknown or has expired.", param="authorization")
            session = invited
    query = socket.query_params
    model = str(query.get("model") or session.model)
    if query.get("intent") == "transcription":
        session = merged(session, {"type": "transcription"})
    else:
        box.names.check_model("llm", model, REALTIME_ALIASES)
    return msgspec.structs.replace(session, id=session_id, model=model)


async def _part(socket: WebSocket[Any, Any, Any], last: list[bytes], code: int, reason: str) -> None:
    with anyio.move_on_after(1):
        for message in last:
            await socket.send_data(message.decode(), mode="text")
        await socket.close(code=code, reason=reason)


class _Line:
    """One connection: reads events, hands them to the conversation, and sends what happens."""

    def __init__(self, socket: WebSocket[Any, Any, Any], box: Box, session: SessionBody) -> None:
        self._socket, self._box, self._session = socket, box, session
        self._conversation_id = new_id("conv")
        way = conduct(session, box.names, box.settings.stt)
        timed = socket.query_params.get("timings") in ("1", "true")
        self._wording = Wording(self._conversation_id, way.sound_out, timed=timed)
        self._wording.form_in = way.sound_in
        self._out, self._waiting = anyio.create_memory_object_stream[bytes](MOST_WAITING)
        self._live = LiveSession(
            box.stages, way, self._emit,
            most_seconds=box.settings.limits.turn_seconds, lead=box.settings.voice.lead_ms / 1000,
        )  # fmt: skip
        self._scope = anyio.CancelScope()

    async def serve(self) -> None:
        """Until the client leaves, or reads nothing any more."""
        log.info("live conversation begins")
        slow = False
        try:
            with self._scope:
                async with self._out, self._waiting, anyio.create_task_group() as tasks:
                    tasks.start_soon(self._send, self._waiting)
                    self._put(session_event("session.created", self._session))
                    conversation = {"id": self._conversation_id, "object": "realtime.conversation"}
                    self._put(encode({"type": "conversation.created", "conversation": conversation}))
                    await self._live.run(self._receive)
                    tasks.cancel_scope.cancel()
            slow = self._scope.cancelled_caught
        finally:
            log.info("live conversation ends", items=len(self._live.conversation), slow=slow)
        if slow:
            await _part(self._socket, [], TRY_AGAIN, "events were not read in time")

    def _emit(self, event: LiveEvent) -> None:
        for message in self._wording.say(event):
            self._put(message)

    def _put(self, message: bytes) -> None:
        try:
            self._out.send_nowait(message)
        except (anyio.WouldBlock, anyio.ClosedResourceError, anyio.BrokenResourceError):
            self._scope.cancel()

    async def _send(self, waiting: MemoryObjectReceiveStream[bytes]) -> None:
        async for message in waiting:
            try:
                with anyio.fail_after(self._box.settings.workers.reader_seconds):
                    await self._socket.send_data(message.decode(), mode="text")
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody reads any more
                log.debug("event not sent", **logs.place_of(error))
                self._scope.cancel()
                return

    async def _receive(self) -> None:
        while True:
            message: Any = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("text")
            await self._hear(message.get("bytes") or b"" if data is None else data)

    async def _hear(self, data: str | bytes) -> None:
        """One message. Whatever is wrong with it is told, and the conversation goes on."""
        try:
            event = c.read(data)
        except c.Malformed as error:
            self._emit(Fault(error, error.event_id))
            return
        try:
            await self._do(event)
        except ApplianceError as error:
            self._emit(Fault(error, event.event_id))
        except RecursionError:
            self._emit(Fault(RequestError("The event is nested too deeply.", param="body"), event.event_id))
        except Exception as error:  # noqa: BLE001 - one event's fault must not end the conversation
            log.error("event failed", kind=type(event).__name__, **logs.place_of(error))
            self._emit(Fault(InternalError("The appliance failed on this event."), event.event_id))

    async def _do(self, event: c.ClientEvent) -> None:
        live = self._live
        match event:
            case c.BufferAppend(audio=audio):
                await live.append(audio)
            case c.BufferCommit():
                live.commit()
            case c.BufferClear():
                live.clear()
            case c.OutputClear():
                live.silence()
            case c.SessionUpdate(session=patch):
                self._update(patch)
            case c.ItemCreate(item=item, previous_item_id=after):
                live.create(plain_item(item, live.conduct.sound_in, "item"), after)
            case c.ItemRetrieve(item_id=item_id):
                live.retrieve(item_id)
            case c.ItemDelete(item_id=item_id):
                live.delete(item_id)
            case c.ItemTruncate():
                live.truncate(event.item_id, event.content_index, event.audio_end_ms)
            case c.ResponseCancel(response_id=response_id):
                live.cancel(response_id)
            case c.ResponseCreate(response=given):
                self._respond(today(given or {}))

    def _update(self, patch: dict[str, Any]) -> None:
        session = merged(self._session, patch)
        way = conduct(session, self._box.names, self._box.settings.stt)
        self._session = session
        self._live.update(way)
        self._wording.form, self._wording.form_in = way.sound_out, way.sound_in
        self._put(session_event("session.updated", session))

    def _respond(self, given: dict[str, Any]) -> None:
        body = converted(given, ResponseBody, "response")
        live = self._live
        items = None
        if body.input is not None:
            items = given_items(body.input, live.conversation, live.conduct.sound_in)
        manner = style(self._session, body, self._box.names)
        live.respond(manner, joins=body.conversation != "none", given=items, metadata=body.metadata)
