"""A reply that is being made, whether or not anybody will hear it.

What is written and what is spoken come through two bounded streams: words are small and never wait, audio waits for
whoever plays it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from appliance.errors import ApplianceError, InternalError
from appliance.events import ReplyAudio, ReplyClause, ReplyEvent, ReplyWritten, Stopwatch
from appliance.logs import logger, place_of
from appliance.story import JOBS, Jobs
from appliance.voice.responding import Responder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from appliance.voice.live.conversation import Item
    from appliance.voice.live.telling import Telling
    from appliance.voice.responding import Manner
    from appliance.voice.stages import Stages

    Settle = Callable[[Sequence[Item]], Awaitable[None]]

log = logger(__name__)

MOST_WORDS: Final = 65_536
"""Events of a reply's text; contexts end before."""
MOST_PARTS: Final = 8
"""Stretches of audio, half a second each at most, that may wait."""


class Draft:
    """One reply in the making. `run` is its task; both streams end with it.

    `settle` waits until all that it is about is known.
    """

    def __init__(self, stages: Stages, telling: Telling, settle: Settle, manner: Manner) -> None:
        self._telling, self._settle = telling, settle
        self.covers = {item.id for item in telling.items}
        """Ids of the items that it answers, or knows of."""
        self.error: ApplianceError | None = None
        self.written: ReplyWritten | None = None
        self.ended = anyio.Event()
        self.closed = False
        """Whether nobody will read it (any more)."""
        self.watch = Stopwatch(anyio.current_time())
        self.jobs = Jobs()
        """That wrote and spoke it."""
        self._begun = False
        self._scope = anyio.CancelScope()
        self._words, self.words = anyio.create_memory_object_stream[ReplyEvent](MOST_WORDS)
        self._sound, self.sound = anyio.create_memory_object_stream[ReplyClause | ReplyAudio](MOST_PARTS)
        self._responder = Responder(stages, self._emit, self.watch, manner)

    async def run(self) -> None:
        """Make it. Errors are kept in `error`."""
        self._begun = True
        JOBS.set(self.jobs)
        try:
            with self._scope:
                await self._make()
        except ApplianceError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - one reply's fault must not end the conversation
            log.error("reply failed", **place_of(error))
            self.error = InternalError("The appliance failed on this reply.")
        except BaseException:
            self.discard()
            raise
        finally:
            self._words.close()
            self._sound.close()
            self.ended.set()
            if self._scope.cancel_called:
                self.close()

    async def _make(self) -> None:
        await self._settle(self._telling.items)
        while True:
            try:
                await self._responder.respond(self._telling.generate())
            except ApplianceError as error:
                if error.code != "context_length_exceeded" or not self._telling.shorten():
                    raise
            else:
                self._telling.succeeded()
                return

    @property
    def spoken_ms(self) -> float:
        """So much of it has been spoken, whether or not it has been let out."""
        return self._responder.reply.audio_seconds * 1000

    def cancel(self) -> None:
        """Both stages stop within one step; whoever reads it discards it then."""
        self._scope.cancel()

    def discard(self) -> None:
        """Nobody wants it, nor reads it (any more)."""
        self.cancel()
        if self.ended.is_set() or not self._begun:
            self.close()
            self.ended.set()

    def close(self) -> None:
        """Nobody will read it, nor write it."""
        self.closed = True
        for end in (self._words, self._sound, self.words, self.sound):
            end.close()

    def promote(self) -> None:
        """Somebody listens now."""
        self._responder.promote()

    async def _emit(self, event: ReplyEvent) -> None:
        match event:
            case ReplyClause() | ReplyAudio():
                await self._sound.send(event)
            case _:
                if isinstance(event, ReplyWritten):
                    self.written = event
                self._words.send_nowait(event)
