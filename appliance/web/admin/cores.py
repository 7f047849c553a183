"""How busy the machine's cores are: what their times have grown by between two looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST_SECONDS: Final = 1.0
"""Between two looks: the kernel counts in hundredths of a second, and several may look at once."""
IDLE: Final = ("idle", "iowait")


@dataclass(frozen=True, slots=True)
class Share:
    """Of all cores' time, 0 to 1, over the last `seconds`."""

    busy: float
    seconds: float


class Cores:
    """Those of one machine."""

    def __init__(self) -> None:
        self._idle = self._total = 0.0
        self._share: Share | None = None

    def share(self, times: Mapping[str, float], cores: float) -> Share | None:
        """Since the last look but for one within a second; None at the first. `times`: seconds of all cores by mode."""
        total, idle = sum(times.values()), sum(times.get(mode, 0.0) for mode in IDLE)
        grown = total - self._total
        if grown < LEAST_SECONDS * cores:
            return self._share
        if self._total:
            self._share = Share(min(1.0, max(0.0, 1 - (idle - self._idle) / grown)), grown / cores)
        self._idle, self._total = idle, total
        return self._share
