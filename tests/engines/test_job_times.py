"""When jobs were sent, begun, first answered and ended, told through a real worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio
import pytest

from appliance import metrics
from appliance.app import create_engines
from appliance.engines.accounts import settled
from appliance.engines.parts import Parts
from appliance.engines.precedence import Precedence
from appliance.errors import ApplianceError, DeadlineExceeded
from appliance.jobs import (
    DETECT_SAMPLES,
    STT_RATE,
    Detect,
    Generate,
    Judge,
    Message,
    Prepare,
    Sampling,
    Speak,
    Transcribe,
    Understand,
)

if TYPE_CHECKING:
    from appliance.catalog.lineup import Lineup
    from appliance.engines.host import EngineHost
    from appliance.jobs import AnyJob, JobTimes, Role
    from appliance.settings import Settings

ASKED = [Message("user", "Name three colours.")]
SECOND = bytes(2 * STT_RATE)

JOBS: dict[Role, list[tuple[AnyJob, bytes]]] = {
    "stt": [(Understand(), SECOND), (Understand(), b""), (Transcribe(), b"no audio")],
    "llm": [
        (Generate(messages=ASKED, max_tokens=4, sampling=Sampling(temperature=0)), b""),
        (Prepare(messages=ASKED), b""),
        (Generate(text="word " * 5000, max_tokens=4), b""),
    ],
    "tts": [(Speak(text="Hello."), b""), (Speak(text="Hello.", voice="nobody"), b"")],
    "turn": [(Detect(), bytes(2 * DETECT_SAMPLES)), (Judge(), SECOND)],
}


@pytest.mark.parametrize("role", JOBS)
def test_a_job_tells_when_it_got_how_far(settings: Settings, models: Lineup, role: Role) -> None:
    host = create_engines(settings, models)[role]
    found = anyio.run(times_of, host, JOBS[role])
    for times, failed in found:
        assert None not in (times.sent, times.began, times.ended), times
        assert (times.first is None) == failed
        marks = [times.sent, times.began, *[times.first] * (not failed), times.ended, time.monotonic()]
        assert marks == sorted(marks)  # type: ignore[type-var]


async def times_of(host: EngineHost, jobs: list[tuple[AnyJob, bytes]]) -> list[tuple[JobTimes, bool]]:
    """Of each job, one after the other, and whether it failed."""
    found = []
    with anyio.fail_after(120):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.run)
            while host.status.state != "ready":  # noqa: ASYNC110 - the host tells nobody
                await anyio.sleep(0.02)
            for job, payload in jobs:
                failed = False
                async with host.stream(job, payload) as parts:
                    assert parts.times.sent is not None
                    try:
                        async for _ in parts:
                            pass
                    except ApplianceError:
                        failed = True
                found.append((parts.times, failed))
            tasks.cancel_scope.cancel()
    return found


def counted(outcome: str) -> float:
    return metrics.REGISTRY.get_sample_value(
        "appliance_stage_jobs_total", {"stage": "llm", "job": "prepare", "outcome": outcome}
    ) or 0.0  # fmt: skip


async def test_a_job_whose_answer_does_not_come_in_time_has_failed() -> None:
    job = Prepare(messages=ASKED)
    parts = Parts(1, 0.0, "llm", lambda _: None, "ann", Precedence().claim(job, "ann"), live=False)
    failed, aborted = counted("failed"), counted("aborted")
    with pytest.raises(DeadlineExceeded), settled("llm", job, parts):
        await anext(parts)
    assert (counted("failed") - failed, counted("aborted") - aborted) == (1, 0)
    assert parts.times.ended is not None
    assert not parts.ended  # the worker is told that nobody waits


async def test_a_job_that_nobody_waits_for_is_aborted() -> None:
    job = Prepare(messages=ASKED)
    parts = Parts(1, 60.0, "llm", lambda _: None, "ann", Precedence().claim(job, "ann"), live=False)
    failed, aborted = counted("failed"), counted("aborted")
    with settled("llm", job, parts):
        pass
    assert (counted("failed") - failed, counted("aborted") - aborted) == (0, 1)
