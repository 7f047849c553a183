"""One live connection: what the client sends goes to the conversation, and what happens in it to the client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import anyio.lowlevel
from anyio.streams.memory import MemoryObjectReceiveStream
from litestar import WebSocket

from appliance import logs
from appliance.callers.tally import Tally
from appliance.errors import ApplianceError, InternalError, RequestError
from appliance.sound import seconds
from appliance.store.items import Item as Kept
from appliance.store.writing import Writing
from appliance.voice.live.conduct import Conduct
from appliance.voice.live.events import (
    Fault,
    ItemDeleted,
    ItemDone,
    ItemTruncated,
    LiveEvent,
    ResponseDone,
    TranscriptDone,
)
from appliance.voice.live.joining import join
from appliance.voice.live.record import Record
from appliance.voice.live.session import LiveSession
from appliance.voice.stories import Telling
from appliance.web.realtime import client_events as c
from appliance.web.realtime.lead import Lead
from appliance.web.realtime.server_events import Wording, encode, failed_done, session_event
from appliance.web.realtime.wire_items import given_items, plain_item
from appliance.web.realtime.wire_session import ResponseBody, SessionBody, today
from appliance.web.wire_response_items import converted

log = logs.logger(__name__)

MOST_WAITING = 4096
"""Messages that may wait for the client. Audio is paced, so only one that does not read has as many."""
TRY_AGAIN = 1013

Outgoing = tuple[bytes, Sequence[Writing[None] | Telling]]
"""A message, and what has to be on disk before it leaves."""


async def part(socket: WebSocket[Any, Any, Any], last: list[bytes], code: int, reason: str) -> None:
    """Say a last word, and close."""
    with anyio.move_on_after(1):
        for message in last:
            await socket.send_data(message.decode(), mode="text")
        await socket.close(code=code, reason=reason)


class Line:
    """One connection: reads events, hands them to the conversation, and sends what happens."""

    def __init__(
        self, socket: WebSocket[Any, Any, Any], lead: Lead, session: SessionBody, way: Conduct, record: Record
    ) -> None:
        self._socket, self._lead, self._session, self._record = socket, lead, session, record
        self._box = box = lead.box
        timed, captioned = (socket.query_params.get(name) in ("1", "true") for name in ("timings", "captions"))
        self._wording = Wording(record.conversation, way.sound_out, timed=timed, captioned=captioned)
        self._wording.form_in = way.sound_in
        self._out, self._waiting = anyio.create_memory_object_stream[Outgoing](MOST_WAITING)
        self._live = LiveSession(
            lead.stages, way, self._emit,
            most_seconds=box.settings.limits.turn_seconds, lead=box.settings.voice.lead_ms / 1000,
        )  # fmt: skip
        self._scope = anyio.CancelScope()
        self._tally = Tally(box.meter)

    async def serve(self, history: Sequence[Kept] = ()) -> None:
        """Until the client leaves, or reads nothing any more. `history`: what was said in this conversation before."""
        log.info("live conversation begins")
        slow = False
        try:
            with self._scope:
                async with self._out, self._waiting, anyio.create_task_group() as tasks:
                    tasks.start_soon(self._send, self._waiting)
                    self._put(session_event("session.created", self._session))
                    conversation = {"id": self._record.conversation, "object": "realtime.conversation"}
                    self._put(encode({"type": "conversation.created", "conversation": conversation}))
                    for item in self._record.resumed(history):
                        join(self._live.conversation, item, self._tell)
                        await anyio.lowlevel.checkpoint()
                    await self._live.run(self._receive)
                    tasks.cancel_scope.cancel()
            slow = self._scope.cancelled_caught
        finally:
            self._record.write(self._live.conversation)
            self._tally.finish()
            log.info("live conversation ends", items=len(self._live.conversation), slow=slow)
        if slow:
            await part(self._socket, [], TRY_AGAIN, "events were not read in time")

    def _emit(self, event: LiveEvent) -> None:
        writing = self._record.note(event, self._live.conversation)
        for message in self._wording.say(event):
            self._put(message, writing if self._is_end(event) else ())

    def _tell(self, event: LiveEvent) -> None:
        """Of what is on disk already."""
        for message in self._wording.say(event):
            self._put(message)

    def _is_end(self, event: LiveEvent) -> bool:
        """Whether it tells the client that something is done, so that it has to be on disk before."""
        match event:
            case ResponseDone() | ItemDeleted() | ItemTruncated():
                return True
            case TranscriptDone():  # where a reply follows, its first audio does not wait for the disk
                return not self._live.conduct.replies
            case ItemDone(item=item):
                return item.role != "assistant"
            case _:
                return False

    def _put(self, message: bytes, writing: Sequence[Writing[None] | Telling] = ()) -> None:
        try:
            self._out.send_nowait((message, writing))
        except (anyio.WouldBlock, anyio.ClosedResourceError, anyio.BrokenResourceError):
            self._scope.cancel()

    async def _send(self, waiting: MemoryObjectReceiveStream[Outgoing]) -> None:
        async for message, writing in waiting:
            try:
                for each in await self._settled(message, writing):
                    with anyio.fail_after(self._box.settings.workers.reader_seconds):
                        await self._socket.send_data(each.decode(), mode="text")
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody reads any more
                log.debug("event not sent", **logs.place_of(error))
                self._scope.cancel()
                return

    async def _settled(self, message: bytes, writing: Sequence[Writing[None] | Telling]) -> list[bytes]:
        """The message, once what it tells of is on disk; where that fails, an error instead of its success."""
        try:
            for each in writing:
                await each.done()
        except ApplianceError as error:
            return [*self._wording.say(Fault(error)), failed_done(message, error)]
        return [message]

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
                self._box.meter.check_audio()
                self._tally.add(seconds(audio, live.conduct.sound_in))
                await live.append(audio)
            case c.BufferCommit():
                live.commit()
            case c.BufferClear():
                live.clear()
            case c.OutputClear():
                live.silence()
            case c.SessionUpdate(session=patch):
                await self._update(patch)
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
            case c.Ping(event_id=cause):
                self._put(encode({"type": "appliance.pong", "ping": cause}))

    async def _update(self, patch: dict[str, Any]) -> None:
        session, way = await self._lead.change(self._session, patch)
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
        manner = self._lead.style(self._session, body)
        live.respond(manner, joins=body.conversation != "none", given=items, metadata=body.metadata)
