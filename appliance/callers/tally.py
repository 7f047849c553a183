"""The user's audio as it comes, counted a few seconds at a time: each count is a line for the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.store.usage import Amount

if TYPE_CHECKING:
    from appliance.callers.meter import Meter

COUNTED_SECONDS: Final = 2.0


class Tally:
    """Of one connection or request. `finish` counts what is left."""

    def __init__(self, meter: Meter) -> None:
        self._meter, self._heard = meter, 0.0

    def add(self, seconds: float) -> None:
        """So much more came."""
        self._heard += seconds
        if self._heard >= COUNTED_SECONDS:
            self.finish()

    def finish(self) -> None:
        """Nothing more comes for now."""
        if milliseconds := int(self._heard * 1000):
            self._meter.count(Amount(heard_ms=milliseconds))
        self._heard = 0.0
