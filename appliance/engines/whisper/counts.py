"""What the listening engine has understood, for figures."""

from __future__ import annotations

from dataclasses import dataclass, field

from appliance.engines.figures import TOGETHER, Tally


@dataclass(slots=True)
class Counts:
    """Written by the engine's thread alone."""

    together: Tally = field(default_factory=lambda: Tally(TOGETHER))
    """Utterances in a pass."""
    live_seconds: float = 0.0
    file_seconds: float = 0.0
    nothing_heard: int = 0
