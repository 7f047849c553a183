"""Who has the floor: listens to the user's audio, notices turns, and decides whether a reply is interrupted.

All rules are in `appliance.turns`; here they meet the session. Every decision is made at a window of audio, so the
only clock is the user's own samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from appliance import metrics
from appliance.errors import ApplianceError, InternalError, Unavailable
from appliance.ids import new_id
from appliance.jobs import STT_RATE
from appliance.logs import logger, place_of
from appliance.story import JOBS
from appliance.turns.endpointing import Endpointing
from appliance.turns.interruption import verdict
from appliance.turns.segmenter import Paused, Resumed, Segmenter, SpeechBegan, milliseconds, samples
from appliance.voice.live import events
from appliance.voice.live.detector import Detector
from appliance.voice.live.guess import Guess
from appliance.voice.live.idleness import Idleness
from appliance.voice.live.looks import Looks
from appliance.voice.live.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.turns.detection import TurnDetection
    from appliance.turns.segmenter import Event
    from appliance.voice.live.draft import Draft
    from appliance.voice.live.response import Response
    from appliance.voice.live.session import LiveSession

log = logger(__name__)

MOST_WINDOWS: Final = 16
"""Windows that the detector is given at once; more than one only where it is behind."""
JUDGED_SECONDS: Final = 8
"""Speech that the judge of a turn's end listens to."""
RETRY_SECONDS: Final = 0.5
"""Pause before a detector that is being replaced is asked again. No audio is lost meanwhile."""
MUTED_SECONDS: Final = 1.0
"""Time without any audio after which a held reply goes on."""
LAST_MS: Final = 1500
"""So much of a reply may be left when a "yes" counts as an answer to it, and not as a sign of listening."""


class Floor:
    """Turn-taking of one session with turn detection."""

    def __init__(self, session: LiveSession, detection: TurnDetection) -> None:
        self._session, self.detection = session, detection
        self._detector = Detector(session.stages.turn)
        self._scope = anyio.CancelScope()
        self._segmenter = Segmenter(detection.threshold, session.microphone.looked_at)
        self._endpointing = Endpointing(detection)
        self.utterance: Utterance | None = None
        self._idleness = Idleness(session, detection)
        self._looks = Looks(session)

    async def run(self) -> None:
        """Listen until told to stop."""
        with self._scope:
            await self._listen()

    def stop(self) -> None:
        """Whatever is being said is no turn any more."""
        self._scope.cancel()
        self.rest()

    def take_guess(self) -> Guess | None:
        """What was begun at a pause in which the user still is, as far as anybody has heard."""
        utterance, paused = self.utterance, self._segmenter.pausing and self._session.microphone.all_looked_at
        return utterance.take_guess() if utterance is not None and paused else None

    async def _listen(self) -> None:
        microphone, down = self._session.microphone, False
        while True:
            pcm = await microphone.windows(MOST_WINDOWS)
            at = microphone.looked_at
            try:
                probabilities = await self._detector.voice(pcm)
            except ApplianceError as error:
                if not down:
                    self._session.emit(events.Fault(error))
                down = True
                if self.utterance is not None and self.utterance.interrupts is not None:
                    self._drop(self.utterance)  # nobody can tell whether it was one; the reply goes on
                if not isinstance(error, Unavailable):  # what it failed on once it will fail on again
                    self._detector.forget()
                    microphone.looked(at, pcm)
                await anyio.sleep(RETRY_SECONDS)
                continue
            down = False
            if microphone.looked(at, pcm):
                if at != self._segmenter.position:  # audio between them is gone
                    self.rest(at)
                    self._session.pay()
                self._hear_all(probabilities)

    def _hear_all(self, probabilities: Sequence[float]) -> None:
        utterance = self.utterance
        try:
            for probability in probabilities:
                self._hear(probability)
        except Exception as error:  # noqa: BLE001 - a fault in one turn must not make the session deaf
            log.error("turn-taking failed", **place_of(error))
            self._session.emit(events.Fault(InternalError("The appliance failed on what was just said.")))
            if utterance is not None:
                self._forget_guess(utterance)
            self.rest()
            self._session.pay()

    def rest(self, at: int | None = None) -> None:
        """The audio so far was committed or cleared by the client, or lost; listen anew from here (or `at`) on."""
        microphone = self._session.microphone
        if self.utterance is not None:
            if self.utterance.announced:
                stopped = events.SpeechStopped(self.utterance.item_id, milliseconds(microphone.looked_at))
                self._session.emit(stopped)
            self._drop(self.utterance)
        self._segmenter = Segmenter(self.detection.threshold, microphone.looked_at if at is None else at)

    def _hear(self, probability: float) -> None:
        for event in self._segmenter.feed(probability):
            self._happened(event)
        utterance = self.utterance
        if utterance is None:
            keep = samples(self.detection.prefix_padding_ms) + 2 * STT_RATE
            self._session.microphone.forget(self._segmenter.position - keep)
            self._idleness.window(self._segmenter.position)
        elif self._segmenter.position - utterance.start >= self._session.microphone.most - STT_RATE:
            self._commit(utterance)  # a monologue; the rest of it is another turn
        elif utterance.over:
            pass  # whether it was an interruption is being found out
        elif self._segmenter.pausing:
            self._wait_for_end(utterance)
        else:
            self._hush(utterance)
            self._weigh(utterance, None)
            self._looks.look(utterance, self._segmenter.position)

    def _happened(self, event: Event) -> None:
        match event:
            case SpeechBegan(at=at):
                self._begin(at)
            case Paused(at=at) if self.utterance is not None:
                self.utterance.voice_end = at
                self._endpointing.pause()
                self._guess(self.utterance)
            case Resumed() if self.utterance is not None:
                if self.utterance.over:
                    self.utterance.over = False
                self._forget_guess(self.utterance)

    def _begin(self, at: int) -> None:
        """Somebody speaks. While a reply sounds it is held: whether this is an interruption shows soon."""
        session, active = self._session, self._session.replies.active
        self._idleness.end()
        start = max(session.microphone.begin, at - samples(self.detection.prefix_padding_ms))
        utterance = self.utterance = Utterance(new_id("item"), start, looked_at=at)
        if active is not None and self.detection.interrupt_response:
            if active.playout.sent_ms:
                utterance.interrupts = active
                active.playout.hold()
                session.spawn(self._watch, utterance)
                return
            # The user goes on before anything was heard: the turn was not over.
            metrics.CUT_OFFS.inc()
            self._interrupt(active)
        self._announce(utterance)

    def _interrupt(self, reply: Response) -> None:
        """The user has the floor, and is answered later."""
        self._session.owes = self.detection.create_response
        self._session.replies.stop(reply, "turn_detected")

    async def _watch(self, utterance: Utterance) -> None:
        """A client that mutes itself sends nothing more that could tell what the sound was: the reply goes on then."""
        while self.utterance is utterance and utterance.interrupts is not None:
            await anyio.sleep(MUTED_SECONDS)
            held = self.utterance is utterance and utterance.interrupts is not None
            if held and self._session.microphone.idle >= MUTED_SECONDS:
                self._drop(utterance)

    def _announce(self, utterance: Utterance) -> None:
        utterance.announced = True
        self._session.emit(events.SpeechStarted(utterance.item_id, milliseconds(utterance.start)))
        self._session.spawn(self._session.replies.prepare, self._session.conduct)

    def _weigh(self, utterance: Utterance, text: str | None) -> None:
        """Is it an interruption by now?"""
        reply = utterance.interrupts
        if reply is None:
            return
        match verdict(self._segmenter.voiced, text):
            case "interrupt":
                utterance.interrupts = None
                metrics.BARGE_INS.labels("true").inc()
                self._announce(utterance)  # first, so that clients fall silent
                if reply.outcome == "in_progress":
                    self._interrupt(reply)
            case "resume" if text and reply.remaining_ms < LAST_MS:  # an answer to the reply's last words
                utterance.interrupts, utterance.spares = None, reply
                reply.playout.go_on()
                self._announce(utterance)
            case "resume":
                metrics.BARGE_INS.labels("false").inc()
                reply.playout.go_on()
                self._drop(utterance)

    def _hush(self, utterance: Utterance) -> None:
        """A reply that the client has begun while the user speaks does not drown the user: the turn is answered."""
        active = self._session.replies.active
        if active is None or active in (utterance.interrupts, utterance.spares):
            return
        if active.playout.sent_ms and self.detection.interrupt_response:
            self._interrupt(active)

    def _drop(self, utterance: Utterance) -> None:
        """It was no turn."""
        utterance.take()
        self._forget_guess(utterance)
        if utterance.interrupts is not None:
            utterance.interrupts.playout.go_on()
            utterance.interrupts = None
        self.utterance = None
        self._segmenter.over()

    def _guess(self, utterance: Utterance) -> None:
        """It may be over: understand it, and begin to answer."""
        session = self._session
        audio = session.microphone.between(utterance.start)

        def compose(text: str) -> Draft | None:
            if utterance.guess is not guess or self.utterance is not utterance:  # discarded as it was understood
                return None
            self._weigh(utterance, text)
            if self.utterance is not utterance or not session.conduct.answers or session.replies.active is not None:
                return None
            style, keep = session.conduct.style, session.conduct.keep
            guess.basis = session.basis
            return session.replies.draft(style, keep, text, priority="typed")

        guess = utterance.guess = Guess(audio, session.conduct.transcribing, compose, "typed")
        # A held reply waits for what was said: better guess wrong than keep everybody waiting for a new worker.
        session.spawn(guess.run, session.stages if utterance.interrupts is None else session.hurried)
        session.spawn(self._resolve, utterance, guess)

    async def _resolve(self, utterance: Utterance, guess: Guess) -> None:
        """What was said is known: does it end like a sentence, and if it was said during a reply, was it a turn?"""
        await guess.understood.wait()
        if utterance.guess is not guess or self.utterance is not utterance:
            return
        self._endpointing.understood(guess.text or "")
        # What cannot be understood may have been a "stop".
        self._weigh(utterance, "stop" if guess.error is not None else guess.text or "")
        if utterance.over and self.utterance is utterance:
            self._commit(utterance)

    def _forget_guess(self, utterance: Utterance) -> None:
        if (guess := utterance.take_guess()) is not None:
            guess.discard()

    def _wait_for_end(self, utterance: Utterance) -> None:
        match self._endpointing.decide(self._segmenter.silence):
            case "ask":
                self._session.spawn(self._judge, utterance, self._endpointing)
            case "over":
                utterance.over = True
                if utterance.interrupts is None:
                    self._commit(utterance)

    async def _judge(self, utterance: Utterance, endpointing: Endpointing) -> None:
        JOBS.set(utterance.jobs)
        microphone, asked_at = self._session.microphone, utterance.voice_end
        audio = microphone.between(max(utterance.start, self._segmenter.position - JUDGED_SECONDS * STT_RATE))
        probability = await self._detector.end(audio)
        if self.utterance is utterance and utterance.voice_end == asked_at:
            endpointing.judged(probability)

    def _commit(self, utterance: Utterance) -> None:
        """The turn is over."""
        session, end = self._session, self._segmenter.position
        utterance.take()
        utterance.over_at = anyio.current_time()
        if not utterance.announced:
            self._announce(utterance)
        session.emit(events.SpeechStopped(utterance.item_id, milliseconds(end)))
        self.utterance = None
        self._segmenter.over()
        session.take_turn(utterance, session.microphone.between(utterance.start, end))
        session.microphone.forget(end)
