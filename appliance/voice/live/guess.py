"""What the user has probably said, and a reply to it: made at a pause, before anybody knows that the turn is over.

If it is over, the guess is what was wanted, and only has to be let out. If the user goes on, it is thrown away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from appliance import metrics
from appliance.errors import ApplianceError, InternalError
from appliance.logs import logger, place_of
from appliance.story import JOBS, Jobs
from appliance.voice.listening import understand

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.jobs import Priority
    from appliance.voice.live.conduct import Transcribing
    from appliance.voice.live.draft import Draft
    from appliance.voice.stages import Answer, Stages

    Compose = Callable[[str], Draft | None]

log = logger(__name__)


class Guess:
    """`compose` makes the draft of a reply from the user's words, or None where none is wanted (yet)."""

    def __init__(
        self, audio: bytes, transcribing: Transcribing, compose: Compose = lambda _: None, priority: Priority = "live"
    ) -> None:  # fmt: skip
        self.audio = audio
        self.text: str | None = None
        self.error: ApplianceError | None = None
        self.draft: Draft | None = None
        self.basis: object = None
        """What the draft was composed from, to see whether it still holds."""
        self.understood = anyio.Event()
        """What was said is known, or an error is."""
        self._transcribing, self._compose, self._priority = transcribing, compose, priority
        self._answer: Answer | None = None
        self.began = anyio.current_time()
        self.understood_at: float | None = None
        self._ended: float | None = None
        self.jobs = Jobs()
        """That understood it."""
        self._scope = anyio.CancelScope()

    async def run(self, stages: Stages) -> None:
        """Understand, then draft. Errors of the first are kept in `error`, of the second in the draft."""
        before = JOBS.set(self.jobs)
        try:
            with self._scope:
                await self._understand(stages)
                if self.text:
                    self.draft = self._compose(self.text)
                    if self.draft is not None:
                        await self.draft.run()
        finally:
            self._ended = anyio.current_time()
            JOBS.reset(before)  # what else its task does is another's work

    async def _understand(self, stages: Stages) -> None:
        try:
            self.text = await understand(stages.stt, self.audio, self._transcribing, self._priority, self._begun)
        except ApplianceError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - one utterance's fault must not end the conversation
            log.error("utterance failed", **place_of(error))
            self.error = InternalError("The appliance failed on this utterance.")
        finally:
            self._answer = None
            self.understood_at = anyio.current_time()
            self.understood.set()

    def promote(self) -> None:
        """The turn is over: somebody waits for it."""
        self._priority = "live"
        if self._answer is not None:
            self._answer.promote()
        if self.draft is not None:
            self.draft.promote()

    def take(self) -> Draft | None:
        """The draft, for whoever lets it out and ends it; None if there is none, or it has failed already."""
        if self.draft is None or self.draft.error is not None:
            return None
        draft, self.draft = self.draft, None
        metrics.GUESSES.labels("used").inc()
        return draft

    def drop_draft(self) -> None:
        """What the draft was made from has changed."""
        if (draft := self.draft) is not None:
            self.draft = None
            self._wasted()
            draft.discard()
        self._compose = lambda _: None

    def discard(self) -> None:
        """Nobody wants it: whatever is under way stops."""
        if self.draft is not None or not self.understood.is_set():
            self._wasted()
        self._scope.cancel()
        if self.draft is not None:
            self.draft.discard()

    def _wasted(self) -> None:
        metrics.GUESSES.labels("wasted").inc()
        metrics.WASTED_SECONDS.inc((self._ended or anyio.current_time()) - self.began)

    def _begun(self, answer: Answer) -> None:
        self._answer = answer
        if self._priority == "live":
            answer.promote()
