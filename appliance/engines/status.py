"""How a stage is, and how that is found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from appliance.engines.figures import Figures
    from appliance.jobs import AnyJob

State = Literal["starting", "ready", "down"]


@dataclass(frozen=True, slots=True)
class StageStatus:
    """What readiness says about one stage."""

    state: State
    model: str
    detail: str
    restarts: int
    in_flight: int
    pid: int | None
    figures: Figures | None = None
    """What its worker has told last of its engine."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A real, small request that a worker has to answer before it counts as ready."""

    job: AnyJob
    payload: bytes = b""
