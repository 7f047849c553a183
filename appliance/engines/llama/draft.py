"""A small model that guesses what a large one will say.

It has a context of its own and follows each conversation there. A prompt that it has not read yet it reads in pieces,
a piece a step, and guesses nothing until it has caught up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.engines.llama.piece import Piece
from appliance.engines.llama.slots import Slots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.engines.llama.context import Context
    from appliance.engines.llama.slots import Slot
    from appliance.engines.llama.vocabulary import Vocabulary

PIECE: Final = 32
"""Tokens of a prompt that it reads in one step."""


class DraftModel:
    """A `Drafter`. Its vocabulary is the large model's."""

    def __init__(self, context: Context, vocabulary: Vocabulary, most: int) -> None:
        self._context, self._most, self._ends = context, most, vocabulary.ends
        self._slots = Slots(context)

    def guess(self, tokens: Sequence[int], most: int) -> Sequence[int]:
        """What the small model would say, greedily; nothing while it is still reading."""
        slot = self._slot(tokens, min(most, self._most))
        if slot is None:
            return ()
        try:
            rest = tokens[len(slot.tokens) :]
            row = self._read(slot, rest[:PIECE])
            if row is None or len(rest) > PIECE:
                return ()
            return self._say(slot, row, min(most, self._most))
        finally:
            self._slots.let_go(slot)

    def _slot(self, tokens: Sequence[int], most: int) -> Slot | None:
        """A held slot with as much of the conversation as there is."""
        source, size = self._slots.best(tokens)
        if source is not None and len(source.tokens) - size <= self._most:
            self._slots.cut(source, size)  # only what was guessed wrong the last time
            size = len(source.tokens)
        if not self._slots.make_room(len(tokens) - size + most, source, size):
            return None
        return self._slots.take(source, size)

    def _say(self, slot: Slot, row: int, most: int) -> Sequence[int]:
        said: list[int] = []
        while True:
            token = int(self._context.logits(row).argmax())
            if token in self._ends:
                return said
            said.append(token)
            if len(said) >= most:
                return said
            following = self._read(slot, [token])
            if following is None:
                return said
            row = following

    def _read(self, slot: Slot, tokens: Sequence[int]) -> int | None:
        rows = self._context.decode([Piece(slot.number, len(slot.tokens), tokens, 1)])
        if rows is None:
            return None
        self._slots.grow(slot, tokens)
        return rows[0]

    def close(self) -> None:
        """Give the memory back."""
        self._context.close()
