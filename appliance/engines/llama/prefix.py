"""How far two sequences of tokens are the same."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def numbers(tokens: Sequence[int]) -> NDArray[np.int32]:
    """Tokens to be compared, shape (n,). An `array` is not copied: the view must be gone before the array grows."""
    if isinstance(tokens, array):
        return np.frombuffer(tokens, np.int32) if tokens else np.empty(0, np.int32)
    return np.fromiter(tokens, np.int32, len(tokens))


def shared(one: NDArray[np.int32], other: NDArray[np.int32]) -> int:
    """Tokens that both begin with."""
    most = min(one.size, other.size)
    differ = one[:most] != other[:most]
    return int(differ.argmax()) if differ.any() else most
