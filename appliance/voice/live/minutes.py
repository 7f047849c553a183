"""What was said, written down: the users' audio becomes items at once, and their words follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from appliance.audio import seconds
from appliance.errors import InternalError, RequestError
from appliance.jobs import STT_RATE
from appliance.story import JOBS
from appliance.voice.live import events
from appliance.voice.live.conversation import Item, Said
from appliance.voice.live.guess import Guess
from appliance.voice.live.joining import join

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.turns.agreement import Agreement
    from appliance.voice.live.conduct import Transcribing
    from appliance.voice.live.conversation import Conversation
    from appliance.voice.live.joining import Emit
    from appliance.voice.stages import Stages


class Minutes:
    """The transcripts of one conversation."""

    def __init__(self, conversation: Conversation, emit: Emit) -> None:
        self._conversation, self._emit = conversation, emit
        self._guesses: dict[str, Guess] = {}
        self._settling = anyio.Lock()

    def open(self, item_id: str, audio: bytes, guess: Guess) -> None:
        """Audio becomes an item; `guess` is finding out what was said."""
        item = Item(item_id, said=[Said(audio=audio, rate=STT_RATE, aloud=True)])
        self._guesses[item_id] = guess
        self._emit(events.BufferCommitted(item_id, self._conversation.last))
        join(self._conversation, item, self._emit)

    async def write(self, item_id: str, guess: Guess, agreement: Agreement | None, *, shown: bool) -> None:
        """Wait for the words, note them, and tell them if they are shown; `agreement` knows what was told before."""
        await guess.understood.wait()
        self._guesses.pop(item_id, None)
        if item_id in self._conversation and guess.text is not None:
            self._conversation.get(item_id).said[0].text = guess.text
        if not shown:
            return
        if guess.error is not None:
            self._emit(events.TranscriptFailed(item_id, guess.error))
            return
        text = guess.text or ""
        delta = agreement.finish(text) if agreement is not None else text
        if delta:
            self._emit(events.TranscriptDelta(item_id, delta))
        self._emit(events.TranscriptDone(item_id, text, seconds(guess.audio, STT_RATE)))

    async def settle(self, items: Sequence[Item], stages: Stages, how: Callable[[], Transcribing]) -> None:
        """Wait until the words of all items are known. What failed is tried again. Raises `ApplianceError`."""
        for item in items:
            if item.unheard:
                async with self._settling:
                    for said in item.unheard:
                        said.text = await self._understand(item, said, stages, how())

    async def _understand(self, item: Item, said: Said, stages: Stages, how: Transcribing) -> str:
        guess = self._guesses.get(item.id)
        if guess is None:
            guess = Guess(said.audio or b"", how)
            guess.jobs = JOBS.get() or guess.jobs  # it is part of the reply that asks
            await guess.run(stages)
        await guess.understood.wait()
        if isinstance(guess.error, RequestError):  # there is nothing in it
            return ""
        if isinstance(guess.error, InternalError):  # nobody can understand it: this reply fails, and no later one
            said.text = ""
        if guess.error is not None:
            raise guess.error
        return guess.text or ""
