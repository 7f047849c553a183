"""A prompt that is only read: to be there for a reply that begins like it, or for the vector of a text."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import numpy as np

from appliance.jobs import Embedding, Prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from appliance.engines.llama.order import Order
    from appliance.jobs import AnyPart

    class Say(Protocol):
        """Passes a part on."""

        def __call__(self, part: AnyPart, payload: bytes = b"") -> None:
            """With its payload."""


class Reading:
    """A `Pen` for prompts that nothing is written after."""

    def __init__(self, order: Order, say: Say) -> None:
        self._order, self._say, self._cached = order, say, 0
        self.began: float | None = None

    def started(self, cached: int) -> None:
        """The prompt is about to be read."""
        self.began, self._cached = time.monotonic(), cached

    def draw(self, row: int) -> int | None:
        """Not for a prompt alone."""
        raise NotImplementedError

    def guess(self, _tokens: Sequence[int], _most: int) -> Sequence[int]:
        """Nothing follows."""
        return ()

    def read(self, states: NDArray[np.float32] | None) -> None:
        """Say that the prompt was read, or what its vector is."""
        count = len(self._order.tokens)
        if states is None:
            self._say(Prepared(prompt_tokens=count, cached_tokens=self._cached))
            return
        mean = states.mean(axis=0)
        vector = (mean / (np.linalg.norm(mean) or 1.0)).astype("<f4")
        self._say(Embedding(index=self._order.index, dimensions=vector.size, tokens=count), vector.tobytes())

    def close(self) -> None:
        """Nothing is held."""
