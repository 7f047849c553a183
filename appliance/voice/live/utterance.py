"""One stretch of the user's speech, from its first sound until it is known to be a turn, or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anyio import CancelScope

from appliance.story import Jobs
from appliance.turns.agreement import Agreement

if TYPE_CHECKING:
    from appliance.voice.live.guess import Guess
    from appliance.voice.live.response import Response


@dataclass(slots=True, eq=False)
class Utterance:
    """Positions are samples of the session's audio."""

    item_id: str
    start: int
    """Where its audio begins, the padding before the first voice included."""
    announced: bool = False
    """Whether the client was told. During a reply it waits until the sound is more than a cough."""
    interrupts: Response | None = None
    """The reply that is held until it is known whether this is an interruption."""
    spares: Response | None = None
    """The reply that it answers, and whose last words may be heard beside it."""
    voice_end: int = 0
    over_at: float = 0.0
    """Time at which the turn was found over."""
    guess: Guess | None = None
    jobs: Jobs = field(default_factory=Jobs)
    """That judged whether it was over."""
    agreement: Agreement = field(default_factory=Agreement)
    looked_at: int = 0
    """Up to here its words have been looked at while it goes on."""
    looking: bool = False
    glance: CancelScope = field(default_factory=CancelScope)
    """What looks at it."""
    taken: bool = False
    """Whether it has become an item, or was dropped: nothing more is added to it."""
    over: bool = False
    """Whether its silence has ended it; what it was may still have to be understood."""

    def take_guess(self) -> Guess | None:
        """What was begun at its last pause, for whoever ends it or lets it out."""
        guess, self.guess = self.guess, None
        return guess

    def take(self) -> None:
        """Nothing more is added to it, and nobody looks at it any more."""
        self.taken = True
        self.glance.cancel()
