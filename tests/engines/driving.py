"""An engine driven as its worker drives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.jobs import Generated, Token

if TYPE_CHECKING:
    from appliance.engines.interleave import Emission, Engine
    from appliance.engines.llama.scheduler import Scheduler
    from appliance.jobs import AnyJob


def drain(engine: Engine) -> list[Emission]:
    """Step until nothing is left to do."""
    said: list[Emission] = []
    while engine.busy:
        said += engine.step()
    return said


def run(engine: Engine, *jobs: AnyJob, payload: bytes = b"", window: int = 10_000) -> list[Emission]:
    """All jobs at once, numbered from 1."""
    for number, job in enumerate(jobs, 1):
        engine.submit(number, job, payload, request_id="", window=window)
    return drain(engine)


def text(said: list[Emission], job_id: int = 1) -> str:
    """The words of one job."""
    return "".join(each.part.text for each in said if each.id == job_id and isinstance(each.part, Token))


def end(said: list[Emission], job_id: int = 1) -> Generated:
    """The last part of one job, which is followed by its end."""
    mine = [each for each in said if each.id == job_id]
    assert mine[-1].part is None
    assert mine[-1].error is None
    last = mine[-2].part
    assert isinstance(last, Generated)
    return last


def forget(scheduler: Scheduler) -> None:
    """Empty the cache."""
    for slot in scheduler.slots:
        scheduler.slots.empty(slot)
