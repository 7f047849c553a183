"""Where stories of turns go: to the disk, beside what was said, and to whoever collects traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from appliance import metrics
from appliance.logs import logger, place_of
from appliance.story import JOBS, Jobs, Outcome, Story, epoch_ms, told

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType

    from appliance.events import Stopwatch
    from appliance.store.owners import Owner
    from appliance.store.turns import Turns
    from appliance.store.writing import Writing
    from appliance.telemetry.traces import Traces
    from appliance.voice.turn import Turn

log = logger(__name__)


class Telling:
    """A story on its way to the disk. No turn fails for its sake."""

    def __init__(self, writing: Writing[None]) -> None:
        self._writing = writing

    async def done(self) -> None:
        """It is on disk, or never will be."""
        try:
            await self._writing.done()
        except Exception as error:  # noqa: BLE001 - the turn itself is well
            log.warning("story not kept", **place_of(error))


class Stories:
    """All of the box."""

    def __init__(self, turns: Turns, traces: Traces) -> None:
        self._turns, self._traces = turns, traces

    def tell(self, owner: Owner, conversation: str, story: Story, *, remembered: bool = True) -> Telling | None:
        """Count it, and queue it for the disk if it is remembered: with its conversation, where there is one."""
        metrics.TURNS.labels(story.door, story.outcome).inc()
        self._traces.turn(story)
        return Telling(self._turns.keep(owner, conversation, story)) if remembered else None


class TurnStory:
    """The story of one spoken turn; jobs are noted inside of it, and however it is left, it is told once."""

    def __init__(self, stories: Stories, turn: Turn, watch: Stopwatch) -> None:
        self.heard_seconds = self.spoken_seconds = 0.0
        self._stories, self._turn, self._watch = stories, turn, watch
        self._jobs, self._told = Jobs(), False
        self._before: Token[Jobs | None]

    def __enter__(self) -> Self:
        self._before = JOBS.set(self._jobs)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: TracebackType | None) -> None:
        JOBS.reset(self._before)
        if not self._told:
            self.tell("failed" if isinstance(error, Exception) else "abandoned")

    def tell(self, outcome: Outcome) -> Telling | None:
        """It is over."""
        self._told = True
        turn, zero = self._turn, self._watch.started
        story = Story(
            id=turn.id,
            door=turn.door,
            outcome=outcome,
            zero_ms=epoch_ms(zero),
            marks=dict(self._watch.marks),
            jobs=told(self._jobs.notes, zero),
            left_out=self._jobs.left_out,
            heard_seconds=round(self.heard_seconds, 3),
            spoken_seconds=round(self.spoken_seconds, 3),
        )
        return self._stories.tell(turn.owner, turn.conversation, story, remembered=turn.remembered)
