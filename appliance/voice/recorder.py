"""What was said aloud becomes clips on disk, where the settings say so.

It happens beside the turns, one clip after another: nobody waits for it, and what a crash leaves undone is lost. Audio
that the box has as samples is encoded in a thread; a recording that a client sent may be hostile, and is only opened in
the listening worker.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio
from anyio import to_thread

from appliance import metrics
from appliance.asking import USER
from appliance.audio import SAMPLE_BYTES, seconds
from appliance.encoding import clip_of, shorter_clip
from appliance.errors import EngineDown, InternalError, Overloaded
from appliance.jobs import Recode, Recoded
from appliance.logs import logger, place_of
from appliance.store.clips import Clip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from appliance.store.clips import Clips
    from appliance.store.owners import Owner
    from appliance.voice.stages import Stage

log = logger(__name__)

MOST_SECONDS: Final = 600
"""Of one clip: only the beginning of longer audio is kept."""
MOST_WAITING: Final = 1024
MOST_WAITING_BYTES: Final = 128_000_000
"""Of audio that waits to become clips; what is one too many is not kept."""
MAKING_SECONDS: Final = 60.0
"""Longest time for one clip …"""
RETRY_SECONDS: Final = 0.5
"""… in which the listening worker is asked again, where it is down or busy."""
LAST_SECONDS: Final = 10.0
"""For all that waits when the box ends."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono 16-bit samples at `rate` Hz; none: nothing of the item was heard."""

    pcm: bytes
    rate: int


@dataclass(frozen=True, slots=True)
class Recording:
    """An audio file as a client sent it, of at most so many seconds."""

    file: bytes
    max_seconds: float


@dataclass(frozen=True, slots=True)
class Cut:
    """The item was heard up to here only: the clip that there is ends there."""

    milliseconds: float


@dataclass(frozen=True, slots=True)
class Place:
    """The item that a clip belongs to."""

    owner: Owner
    conversation: str
    item: str


What = Sound | Recording | Cut


class Recorder:
    """Makes clips, if it is `on`. `running` has to last while it is to. `ears` is the listening stage."""

    def __init__(self, clips: Clips, ears: Stage, *, on: bool) -> None:
        self.on = on
        self._clips, self._ears = clips, ears
        self._waiting_bytes = 0
        self._one = anyio.CapacityLimiter(1)
        self._send: MemoryObjectSendStream[tuple[Place, What]] | None = None

    def keep(self, place: Place, what: What) -> None:
        """Keep this as the item's clip, once the item is on its way to disk. Never waits, and never fails."""
        if not self.on:
            return
        if self._waiting_bytes + _size(what) > MOST_WAITING_BYTES:
            _lost("too much waits")
            return
        try:
            if self._send is None:
                raise anyio.ClosedResourceError
            self._send.send_nowait((place, what))
        except (anyio.WouldBlock, anyio.ClosedResourceError, anyio.BrokenResourceError):
            _lost("too many wait")
        else:
            self._waiting_bytes += _size(what)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Clips are made for as long as the block lasts; then what waits, if it does not take long."""
        if not self.on:
            yield
            return
        self._send, wanted = anyio.create_memory_object_stream[tuple[Place, What]](MOST_WAITING)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run, wanted)
            try:
                yield
            finally:
                self._send.close()  # it ends after the last one
                tasks.cancel_scope.deadline = anyio.current_time() + LAST_SECONDS

    async def _run(self, wanted: MemoryObjectReceiveStream[tuple[Place, What]]) -> None:
        async with wanted:
            async for place, what in wanted:
                try:
                    with anyio.fail_after(MAKING_SECONDS):
                        kept = await self._make(place, what)
                    metrics.CLIPS.labels("kept" if kept else "lost").inc()
                except Exception as error:  # noqa: BLE001 - one clip's fault must not be the others'
                    _lost("failed", **place_of(error))
                finally:
                    self._waiting_bytes -= _size(what)

    async def _make(self, place: Place, what: What) -> bool:
        """Whether there was an item to keep it with: it may have been deleted meanwhile, or could not be written."""
        clip: Clip | None = None
        match what:
            case Sound(pcm, rate):
                most = MOST_SECONDS * rate * SAMPLE_BYTES
                if pcm := pcm[:most]:
                    audio = await to_thread.run_sync(clip_of, pcm, rate, limiter=self._one)
                    clip = Clip(audio, round(seconds(pcm, rate) * 1000))
            case Recording():
                clip = await self._recoded(place, what)
            case Cut(milliseconds):
                before = await self._clips.get(place.owner, place.conversation, place.item)
                if before.milliseconds <= milliseconds:
                    return True
                audio, long = await to_thread.run_sync(shorter_clip, before.audio, milliseconds, limiter=self._one)
                clip = Clip(audio, long) if audio else None
        return await self._clips.keep(place.owner, place.conversation, place.item, clip)

    async def _recoded(self, place: Place, what: Recording) -> Clip:
        job = Recode(max_seconds=what.max_seconds, first_seconds=MOST_SECONDS)
        token = USER.set(place.owner.user)
        try:
            while True:
                try:
                    async with self._ears.stream(job, what.file) as answer:
                        async for part, audio in answer:
                            if isinstance(part, Recoded):
                                return Clip(audio, round(part.seconds * 1000))
                    raise InternalError("The listening stage gave no clip.")
                except (EngineDown, Overloaded):
                    await anyio.sleep(RETRY_SECONDS)
        finally:
            USER.reset(token)


def _size(what: What) -> int:
    match what:
        case Sound(pcm):
            return len(pcm)
        case Recording(file):
            return len(file)
        case Cut():
            return 0


def _lost(why: str, **place: object) -> None:
    log.warning("clip not kept", why=why, **place)
    metrics.CLIPS.labels("lost").inc()
