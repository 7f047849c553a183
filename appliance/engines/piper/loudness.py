"""How loud a voice is.

Piper scales each sentence until its loudest sample is full scale, so one is 5 dB louder than the next, depending on
its sounds. Here a voice has one gain for all it says. What is left, a lone "Oh." that comes 5 dB louder than a
sentence, is evened out in part by the sentence's own level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TARGET: Final = 0.12
"""Level of speech: −18 dB of full scale."""
EVENED: Final = 2 / 3
"""How much of what a sentence is louder or softer than that is taken away: some of it is meant."""
MOST_EVENED: Final = 1.8
"""Factor that a sentence is changed by at most."""
MOST: Final = 20.0
"""Largest gain: a voice that is almost silent stays quiet rather than hissing."""
KNEE: Final = 0.7
"""Samples beyond are bent rather than cut off."""
WINDOW_SECONDS: Final = 0.02
SILENT: Final = 1e-3
"""Share of the loudest window's power below which a window is a pause: −30 dB."""


def level(samples: NDArray[Any], rate: int) -> float:
    """Root mean square of mono samples where somebody speaks; pauses do not count. 0 for silence."""
    width = max(1, int(rate * WINDOW_SECONDS))
    windows = samples[: len(samples) // width * width].astype(np.float64).reshape(-1, width)
    power = (windows**2).mean(axis=1)
    if not len(power) or power.max() == 0.0:
        return 0.0
    return float(np.sqrt(power[power > power.max() * SILENT].mean()))


def gain(probe: NDArray[Any], rate: int) -> float:
    """What to multiply a voice's samples by, after a probe of it; 1 if it said nothing."""
    measured = level(probe, rate)
    return min(MOST, TARGET / measured) if measured else 1.0


def evened(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """A sentence that has its voice's gain, nearer to the level of all."""
    measured = level(samples, rate)
    if not measured:
        return samples
    factor = (TARGET / measured) ** EVENED
    return samples * np.float32(min(MOST_EVENED, max(1 / MOST_EVENED, factor)))


def limited(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples of any size as 16-bit ones, full scale being 1: unchanged up to the knee, bent to stay below 1 beyond."""
    size = np.abs(samples)
    over = np.maximum(size - KNEE, 0.0) / (1.0 - KNEE)
    bent = np.where(size > KNEE, np.sign(samples) * (KNEE + (1.0 - KNEE) * np.tanh(over)), samples)
    return np.rint(bent * 32767.0).astype(np.int16)
