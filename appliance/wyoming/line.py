"""One client's connection: frames come in, one request after another is served, and what happens is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import anyio
from structlog.contextvars import bound_contextvars
from wyoming.handle import NotHandled
from wyoming.ping import Pong

from appliance import metrics
from appliance.errors import ApplianceError, InternalError, NotFound, RequestError
from appliance.ids import new_id
from appliance.logs import logger, place_of
from appliance.store.assistants import NOBODY
from appliance.wyoming import wire
from appliance.wyoming.frames import Frames, Gone, Silent
from appliance.wyoming.handling import answering, handle
from appliance.wyoming.hearing import Hearing
from appliance.wyoming.outbox import Outbox
from appliance.wyoming.pipeline import Pipeline
from appliance.wyoming.speaking import Speaking
from appliance.wyoming.waking import Detecting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import ByteStream
    from wyoming.event import Event

    from appliance.callers.caller import Needed
    from appliance.metrics.wyoming import Request, RequestEnd
    from appliance.wyoming.about import About
    from appliance.wyoming.admission import Admission, Guest

    Work = Callable[[Guest], Awaitable[None]]

log = logger(__name__)

IDLE_SECONDS: Final = 600.0
"""Without any event, after which a client is taken for gone. Satellites ping more often than that."""
MOST_WAITING: Final = 8
"""Events that wait for a request that is being served; then the client has to wait."""
LOOK_SECONDS: Final = 0.05
"""Between two looks, when the box ends, at whether a satellite still speaks or is answered."""
KNOWS_ERRORS: Final = (1, 10)
"""From this version of the protocol's library on, clients take an `error` for an answer. Earlier ones have to be left,
or else they wait for ever."""


class Line:
    """`address` is the other side's; `patience`: seconds that half a frame, or an unread one, may take."""

    def __init__(
        self, stream: ByteStream, address: str, admission: Admission, about: About, patience: float,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:  # fmt: skip
        self._address, self._admission, self._about, self._idle_seconds = address, admission, about, idle_seconds
        self._frames, self._outbox = Frames(stream, patience), Outbox(stream, patience)
        self._in, self._events = anyio.create_memory_object_stream[wire.ClientEvent](MOST_WAITING)
        self._wanted: wire.Transcribe | None = None
        self._detecting: wire.Detect | None = None
        self._version: tuple[int, ...] = ()
        self._busy, self._leaving = False, anyio.Event()
        self._kind: Request | None = None
        self._dropping = False
        """Whether the rest of a text is of no use any more, as its beginning could not be spoken."""
        self._pipeline: Pipeline | None = None
        self._outcome: RequestEnd = "abandoned"
        """Of the request that is served."""

    async def serve(self) -> str:
        """Until either side has had enough; the outcome, for the figures."""
        outcome = "server"
        with bound_contextvars(request_id=new_id("wyo")), self._outbox.gone:
            async with self._in, self._events, anyio.create_task_group() as tasks:
                tasks.start_soon(self._outbox.run)
                tasks.start_soon(self._take_leave)
                tasks.start_soon(self._work)
                try:
                    await self._read()
                except Gone:
                    outcome = "client"
                except Silent:
                    log.info("wyoming client says nothing any more")
                except RequestError as error:
                    outcome = "malformed"
                    self._outbox.tell(error)
                    await self._outbox.finish()
                self._outbox.gone.cancel()
        return outcome

    def put(self, event: Event) -> None:
        """Send this, soon."""
        self._outbox.put(event)

    def leave(self) -> None:
        """The box ends: no request is begun any more; the one that is served is."""
        self._leaving.set()

    async def _take_leave(self) -> None:
        await self._leaving.wait()
        while self._busy and not self._resting:  # noqa: ASYNC110 - a satellite rests between two of its events
            await anyio.sleep(LOOK_SECONDS)
        await self._outbox.finish()

    @property
    def _resting(self) -> bool:
        """Whether what is served may end at any time."""
        return self._kind == "wake" or (self._pipeline is not None and self._pipeline.resting)

    async def _read(self) -> None:
        while True:
            came = await self._frames.next(self._idle_seconds)
            metrics.WYOMING_EVENTS.labels("in").inc()
            self._version = _version(came.version) or self._version
            try:
                event = wire.event_of(came)
            except RequestError as error:
                await self._fail(error)
                continue
            match event:
                case wire.Describe():
                    self._outbox.put(self._about.info.event())
                case wire.Ping(text=text):
                    self._outbox.put(Pong(text).event())
                case None:
                    log.debug("event left alone", kind=came.type)
                case _:
                    await self._in.send(event)

    async def _work(self) -> None:
        async for event in self._events:
            if not self._leaving.is_set():
                await self._do(event)

    async def _do(self, event: wire.ClientEvent) -> None:
        match event:
            case wire.SelectProgram(name=name):
                if name != self._about.name:
                    await self._fail(NotFound(f"There is no program {name[:80]!r} here.", param="name"))
            case wire.Transcribe():
                self._wanted = event
            case wire.Detect():
                self._detecting = event
            case wire.AudioStart() | wire.AudioChunk() if (detecting := self._detecting) is not None:
                self._detecting = None
                await self._request("wake", "audio", lambda guest: self._wake(guest, detecting, event))
            case wire.AudioStart():
                wanted, self._wanted = self._wanted or wire.Transcribe(), None
                await self._request("asr", "audio", lambda guest: self._hear(guest, wanted, event))
            case wire.SynthesizeStop():
                self._dropping = False
            case wire.Synthesize() | wire.SynthesizeStart() if not self._dropping:
                await self._request("tts", "audio", lambda guest: self._speak(guest, event))
                self._dropping = not isinstance(event, wire.Synthesize) and self._outcome != "done"
            case wire.Transcript():
                await self._request("handle", "voice", lambda guest: handle(guest, event, self._outbox))
            case wire.RunPipeline():
                await self._request("pipeline", "voice", lambda guest: self._run(guest, event))
            case _:
                pass  # what is left of a request that is over

    async def _hear(self, guest: Guest, wanted: wire.Transcribe, start: wire.AudioStart) -> None:
        how = guest.box.settings.wyoming.endpointing
        ends = how == "box" or (how == "auto" and self._version >= KNOWS_ERRORS)
        with guest.box.lines.take(guest.caller, "turn"):
            await Hearing(guest, wanted, self._outbox, ends=ends).run(start, self._events.receive)

    async def _speak(self, guest: Guest, asked: wire.Synthesize | wire.SynthesizeStart) -> None:
        wanted = asked.voice or wire.Voice()
        speaking = Speaking(guest, self._about.voice(wanted.name, wanted.language), self._outbox)
        if isinstance(asked, wire.Synthesize):
            await speaking.say(asked.text)
        else:
            await speaking.say_as_it_comes(self._events.receive)

    async def _wake(self, guest: Guest, asked: wire.Detect, first: wire.Form) -> None:
        known = self._about.wake_names
        detecting = Detecting(guest.box.stages.turn, known, self._outbox, self._found, self._still_welcome)
        await detecting.run(asked, first, self._events.receive)

    async def _still_welcome(self) -> None:
        """Raises `Unauthorized` where the key has ended meanwhile."""
        await self._admission.guest(self._address, "audio")

    def _found(self) -> None:
        """A wake word was heard: its client has what it wanted, and may leave."""
        self._outcome = "done"

    async def _run(self, guest: Guest, first: wire.RunPipeline) -> None:
        box = await answering(guest, aloud=True)
        voice = self._about.voice((box.assistant or NOBODY).voice, None)
        self._pipeline = Pipeline(guest, box, self._outbox, self._about.wake_names, voice)
        try:
            await self._pipeline.run(first, self._events.receive)
        finally:
            self._pipeline = None

    async def _request(self, kind: Request, needed: Needed, work: Work) -> None:
        self._outcome, self._busy, self._kind = "abandoned", True, kind
        try:
            guest = await self._admission.guest(self._address, needed)
            with guest.request():
                await work(guest)
            self._outcome = "done"
        except ApplianceError as error:
            self._outcome = "refused" if isinstance(error, RequestError) else "failed"
            await self._fail(error, kind)
        except Exception as error:  # noqa: BLE001 - one request's fault must not end the door
            self._outcome = "failed"
            log.error("wyoming request failed", kind=kind, **place_of(error))
            await self._fail(InternalError("The appliance failed on this request."), kind)
        finally:
            self._busy = False
            metrics.WYOMING_REQUESTS.labels(kind, self._outcome).inc()
            log.info("wyoming request", kind=kind, outcome=self._outcome)

    async def _fail(self, error: ApplianceError, kind: Request | None = None) -> None:
        """Tell what is wrong. A client that would wait for ever is left."""
        self._outbox.tell(error)
        if kind == "handle":
            self._outbox.put(NotHandled(error.message).event())
        elif self._version < KNOWS_ERRORS:
            await self._outbox.finish()


def _version(told: str) -> tuple[int, ...]:
    """Major and minor number; empty where it is none."""
    parts: list[Any] = told.split(".")[:2]
    return tuple(int(part) for part in parts) if len(parts) == 2 and all(part.isdecimal() for part in parts) else ()
