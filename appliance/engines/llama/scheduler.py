"""Who is read and written next: the loop that serves many sequences with one context.

Each step decodes one batch: the next token of every running reply, and beside them a piece of the prompts that wait
to be read. The piece is as large as the pace allows, so a long prompt never stalls the others' speech. Who is
listened to goes first: *live* before *typed* before *background*. The lower ones take part in every `stride`-th step
while a higher one runs: they slow down, but go on. Users share alike: in a step each has as many replies as the others,
and who has more of them gets what room the pace leaves, its replies in turn. While somebody waits for the first words
of a live reply, users who have more under way count as much lower.

Pure but for the model behind `Model`, so that tests drive it with one that only counts.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from appliance.engines.fairness import by_user, shares
from appliance.engines.llama.admission import Admission
from appliance.engines.llama.piece import Piece
from appliance.engines.llama.slots import Cache, Slots
from appliance.engines.llama.work import Counts, order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from appliance.engines.llama.pace import Pace
    from appliance.engines.llama.slots import Slot
    from appliance.engines.llama.work import Work

PATIENCE_SECONDS: Final = 20.0
"""So long background work is only what others leave over."""
YIELDED: Final = 2
"""Ranks, once the prompt is read: the first words are there before the others' next step, which takes as long as six of
them."""
Reading = list[tuple["Work", int]]
"""Works, and how many tokens of each one's prompt are read in a step."""


class Model(Cache, Protocol):
    """The context as the scheduler needs it."""

    widest: int

    def decode(self, pieces: Sequence[Piece]) -> list[int] | None:
        """Read pieces; the row of each one's first output. None: no room, and nothing was read."""

    def embed(self, pieces: Sequence[Piece]) -> list[NDArray[np.float32]]:
        """Read pieces; of each one the states of its tokens."""


class Scheduler:
    """Serves works with one model. `step` does one batch."""

    def __init__(
        self,
        model: Model,
        pace: Pace,
        *,
        width: int,
        stride: int = 1,
        chunk: int = 64,
        idle: int | None = None,
        ordered: bool = False,
        patience: float = PATIENCE_SECONDS,
        farewell: Callable[[Slot], None] = lambda _: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """At most `width` works run at once, and `chunk` tokens of prompts are read in one step.

        `idle`: cells that may stay occupied by sequences that nobody runs; None: all. `ordered`: the cells of each
        sequence stay in the order of its tokens. Background work that takes longer than `patience` seconds counts as
        typed, one at a time.
        """
        self._model, self._pace, self._clock = model, pace, clock
        self._stride, self._chunk = stride, min(chunk, model.widest - width)
        self.counts = Counts()
        self.slots = Slots(model, farewell, ordered=ordered)
        most = model.cells if idle is None else idle
        self._works = Admission(
            self.slots, self.counts, min(width, model.slots), most, shares=model.rewinds, patience=patience
        )

    @property
    def running(self) -> Sequence[Work]:
        """Works that have a slot."""
        return self._works.running

    @property
    def waiting(self) -> Sequence[Work]:
        """Works that wait for one, in their order."""
        return self._works.waiting

    @property
    def busy(self) -> bool:
        """Whether a step has anything to do."""
        return bool(self._works.running or self._works.waiting)

    def submit(self, work: Work) -> None:
        """Queue a work whose prompt and room fit the cache."""
        self._works.queue(work, self._clock())

    def abort(self, work_id: int) -> bool:
        """Forget a work; whether there was one."""
        work = self._works.find(work_id)
        if work is not None:
            self._works.end(work)
        return work is not None

    def promote(self, work_id: int) -> None:
        """A work is live from now on; unknown ids are fine."""
        work = self._works.find(work_id)
        if work is not None:
            self._works.promote(work)

    def step(self) -> None:
        """Admit who can be, read and write one batch, pass on what was drawn."""
        self._works.admit(self._clock())
        if not self._works.running:
            return
        speaking, reading = self._plan()
        self.counts.steps += 1
        speaking, reading = self._fit(speaking, reading)
        texts = [(work, count) for work, count in reading if not work.embeds]
        spare = self.slots.free - len(speaking) - sum(count for _, count in reading)
        if speaking or texts:
            self._decode(speaking, texts, spare)
        if embeds := [(work, count) for work, count in reading if work.embeds and work.slot is not None]:
            self._embed(embeds, alone=not (speaking or texts))

    def _plan(self) -> tuple[list[Work], Reading]:
        """Whose next token is due, and how much of whose prompt is read beside."""
        ranks = self._ranks()
        top = min(ranks)
        due = [
            work
            for work, rank in zip(self.running, ranks, strict=True)
            if self.counts.steps % self._stride ** (rank - top) == 0
        ]
        speaking = self._alike(due)
        waiting = sorted((work for work in due if not work.speaks), key=order)
        room = self._pace.room(len(speaking), self._chunk) if waiting else 0
        reading: Reading = []
        for _, equals in itertools.groupby(waiting, key=lambda work: work.rank):
            users = by_user(equals)
            for works, part in zip(users, shares([sum(map(_unread, works)) for works in users], room), strict=True):
                reading += zip(works, shares(list(map(_unread, works)), part), strict=True)
                room -= part
        return speaking, [(work, share) for work, share in reading if share]

    def _ranks(self) -> list[int]:
        """Of the running works; while some are pressing, others whose users have more of them are lower."""
        counts = Counter(work.user for work in self.running)
        pressing = [work for work in self.running if work.pressing]
        least = min((counts[work.user] for work in pressing), default=len(self.running))
        lower = YIELDED if any(work.speaks and counts[work.user] == least for work in pressing) else 1
        return [work.rank + lower * (counts[work.user] > least) for work in self.running]

    def _alike(self, due: list[Work]) -> list[Work]:
        """Replies whose next token is due, of each user as many as of the others, and more as the pace allows.

        A prompt that somebody waits for counts as a reply.
        """
        speaking = [work for work in due if work.speaks]
        users = by_user(speaking)
        others = {work.user for work in due if work.pressing and not work.speaks} - {work.user for work in speaking}
        if len(users) + len(others) < 2 or not users:
            return speaking
        least = 1 if others else min(map(len, users))
        most = self._pace.crowd((len(users) + len(others)) * least, len(speaking))
        given = shares([len(works) for works in users], max(most, len(users)))
        return [
            work for works, part in zip(users, given, strict=True) for work in sorted(works, key=_longest_ago)[:part]
        ]

    def _fit(self, speaking: list[Work], reading: Reading) -> tuple[list[Work], Reading]:
        """Cells for the batch: from idle slots, by reading less, and last from the lowest and youngest work."""
        while not self.slots.make_room(len(speaking) + sum(count for _, count in reading)):
            spare = max(0, self.slots.free - len(speaking))
            reading = _first(reading, spare)
            if len(speaking) > self.slots.free or not (speaking or reading):
                self._works.send_back(max(self.running, key=order))
                speaking = [work for work in speaking if work.slot is not None]
                reading = [(work, count) for work, count in reading if work.slot is not None]
        return speaking, reading

    def _decode(self, speaking: list[Work], reading: Reading, spare: int) -> None:
        """One batch; `spare`: cells that may be filled with guesses."""
        batch: list[tuple[Work, Piece]] = []
        read = sum(count for _, count in reading)
        spare = min(spare, self._model.widest - len(speaking) - read)
        for work in speaking:
            work.spoke = self.counts.steps
            guess = self._guess(work, spare // len(speaking))
            batch.append((work, _piece(work, [work.tokens[-1], *guess], 1 + len(guess))))
        for work, count in reading:
            last = count == work.unread and work.room > 0
            batch.append((work, _piece(work, work.tokens[work.done : work.done + count], int(last))))
        self.slots.line_up()
        began = self._clock()
        rows = self._model.decode([piece for _, piece in batch])
        if rows is None:
            # By the count there is room, but a cache that keeps some layers apart may see it otherwise.
            if not self.slots.make_room(self.slots.free + 1):
                self._works.send_back(max(self.running, key=order))
            return
        took, tokens = self._clock() - began, sum(len(piece.tokens) for _, piece in batch)
        self._pace.note(tokens - read, read, took)
        self.counts.took.note(took)
        self.counts.sequences.note(len(batch))
        self.counts.tokens.note(tokens)
        for work, piece in batch:
            self.slots.grow(_slot(work), piece.tokens)
        for (work, piece), row in zip(batch, rows, strict=True):
            if piece.outputs:
                self._draw(work, row, piece.tokens[len(piece.tokens) - piece.outputs + 1 :])
            elif not work.room and not work.unread:
                work.pen.read(None)
                self._works.end(work)

    def _draw(self, work: Work, row: int, guess: Sequence[int]) -> None:
        """Draw from the row, and go on through the guess for as long as it was right."""
        for offset in range(len(guess) + 1):
            token = work.pen.draw(row + offset)
            if token is not None:
                self.counts.decoded += 1
                work.tokens.append(token)
                work.room -= 1
                if offset < len(guess) and token == guess[offset]:
                    continue
            wrong = len(guess) - offset
            self.counts.guessed += len(guess)
            self.counts.accepted += offset
            if wrong:  # read for nothing
                self.slots.cut(_slot(work), len(_slot(work).tokens) - wrong)
            if token is None:
                self._works.end(work)
            return

    def _guess(self, work: Work, most: int) -> Sequence[int]:
        most = min(most, work.room - 1, self._chunk // len(self.running)) if self._model.rewinds else 0
        return work.pen.guess(work.tokens, most)[:most] if most > 0 else ()

    def _embed(self, reading: Reading, *, alone: bool) -> None:
        """A batch of its own: in one with others, an output would be made for each of their tokens too.

        It costs a whole pass, so the pace learns from it only where there was no other.
        """
        pieces = [_piece(work, work.tokens[work.done : work.done + count], count) for work, count in reading]
        self.slots.line_up()
        began = self._clock()
        found = self._model.embed(pieces)
        if alone:
            self._pace.note(0, sum(count for _, count in reading), self._clock() - began)
        for (work, _), piece in zip(reading, pieces, strict=True):
            self.slots.grow(_slot(work), piece.tokens)
        for (work, _), states in zip(reading, found, strict=True):
            work.states.append(states)
            if not work.unread:
                work.pen.read(np.concatenate(work.states))
                self._works.end(work)


def _slot(work: Work) -> Slot:
    assert work.slot is not None  # noqa: S101 - only works that have one are planned
    return work.slot


def _piece(work: Work, tokens: Sequence[int], outputs: int) -> Piece:
    return Piece(_slot(work).number, work.done, tokens, outputs)


def _unread(work: Work) -> int:
    return work.unread


def _longest_ago(work: Work) -> int:
    return work.spoke


def _first(reading: Reading, room: int) -> Reading:
    kept = []
    for work, count in reading:
        share = min(count, room)
        room -= share
        kept.append((work, share))
    return [(work, count) for work, count in kept if count]
