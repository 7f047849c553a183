"""How a stage is, and how that is found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.engines.figures import Figures
    from appliance.jobs import AnyJob, Role

State = Literal["starting", "ready", "down"]
MOST_RESTARTS: Final = 3
"""A stage that was never ready and whose worker has ended so often cannot be loaded."""


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


def loading(stages: Iterable[StageStatus]) -> bool:
    """Whether one is still worth waiting for."""
    return any(stage.state != "ready" and stage.restarts < MOST_RESTARTS for stage in stages)


def summary(stages: Mapping[Role, StageStatus]) -> str:
    """All stages in one sentence: those that are not ready, with the reason."""
    waiting = [
        f"{role} {stage.state} ({stage.model}: {stage.detail}"
        + (f"; {stage.restarts} workers have ended)" if stage.restarts else ")")
        for role, stage in stages.items()
        if stage.state != "ready"
    ]
    ready = f"{len(stages) - len(waiting)} of {len(stages)} stages ready"
    return "; ".join([ready, *waiting])
