"""One sequence from its prompt to the end of its reply, as the scheduler sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from appliance.engines.fairness import FIRST_WORDS
from appliance.engines.figures import STEP_SECONDS, TOGETHER, TOKENS, Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from appliance.engines.llama.slots import Slot

LIVE, TYPED, BACKGROUND = range(3)
"""Ranks: whoever is listened to first."""


class Pen(Protocol):
    """What becomes of a sequence's rows: it draws the next token and passes on what it means."""

    def started(self, cached: int) -> None:
        """The sequence was admitted for the first time; so much of its prompt was there already."""

    def draw(self, row: int) -> int | None:
        """The token that comes next; None: the reply has ended, and its client has been told."""

    def guess(self, tokens: Sequence[int], most: int) -> Sequence[int]:
        """Tokens that may come next, to be checked together in one step."""

    def read(self, states: NDArray[np.float32] | None) -> None:
        """A prompt without a reply was read whole; the states of its tokens, if the work embeds."""


@dataclass(slots=True, eq=False)
class Work:
    """A prompt, and the reply that grows behind it."""

    id: int
    rank: int
    """`LIVE`, `TYPED` or `BACKGROUND`."""
    tokens: list[int]
    room: int
    """Tokens that may still follow; 0 for a prompt that is only read."""
    pen: Pen
    user: str = ""
    """Whose it is: users take turns."""
    embeds: bool = False
    """Whether the states of the prompt's tokens are wanted, and nothing else."""
    number: int = 0
    """Order of arrival …"""
    since: float = 0.0
    """… and its time, in seconds."""
    slot: Slot | None = None
    began: bool = False
    prompt: int = 0
    """Tokens that were there before the reply."""
    restored: int = 0
    """Of the prompt's, that were brought from the disk for it."""
    spoke: int = -1
    """The step in which it was written last."""
    states: list[NDArray[np.float32]] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Tokens that the cache holds."""
        return len(self.slot.tokens) if self.slot is not None else 0

    @property
    def unread(self) -> int:
        """Tokens to be read before the next one can be drawn."""
        return len(self.tokens) - self.done

    @property
    def speaks(self) -> bool:
        """Whether its next token comes with the next step."""
        return self.unread == 1 and self.room > 0 and not self.embeds

    @property
    def pressing(self) -> bool:
        """Whether somebody hears nothing until it has got further."""
        return self.rank == LIVE and self.room > 0 and len(self.tokens) - self.prompt < FIRST_WORDS

    @property
    def order(self) -> tuple[int, int]:
        """Who is listened to first, then who came first."""
        return self.rank, self.number


def order(work: Work) -> tuple[int, int]:
    """Sorts works."""
    return work.order


@dataclass(slots=True)
class Counts:
    """What has happened, for figures."""

    steps: int = 0
    decoded: int = 0
    written: int = 0
    """Tokens of replies, as their clients are told."""
    read: int = 0
    """Tokens of prompts that had to be read …"""
    resident: int = 0
    """… that were in the cache …"""
    restored: int = 0
    """… and that came there from the disk. Each alone only grows, whenever it is looked at."""
    preempted: int = 0
    guessed: int = 0
    accepted: int = 0
    took: Tally = field(default_factory=lambda: Tally(STEP_SECONDS))
    """Seconds of a batch …"""
    sequences: Tally = field(default_factory=lambda: Tally(TOGETHER))
    """… and what was in it."""
    tokens: Tally = field(default_factory=lambda: Tally(TOKENS))

    @property
    def cached(self) -> int:
        """Tokens of prompts that needed not be read."""
        return self.resident + self.restored
