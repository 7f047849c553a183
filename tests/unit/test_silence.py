"""A worker is given up when it is silent, not when nobody listened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from appliance.engines.silence import Silence

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Goes on with each sleep, which may end `late`."""

    def __init__(self) -> None:
        self.now, self.late, self.slept = 0.0, dict[int, float](), 0
        self.after: Callable[[], None] = lambda: None

    def current_time(self) -> float:
        return self.now

    async def sleep_until(self, deadline: float) -> None:
        self.now = deadline + self.late.get(self.slept, 0.0)
        self.slept += 1
        self.after()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def given_up_at(clock: Clock) -> float:
    with anyio.CancelScope() as listening:
        await Silence(4, 0.5, clock).end(listening)
    assert listening.cancel_called
    return clock.now


async def test_a_worker_that_says_nothing_is_given_up(clock: Clock) -> None:
    assert 4 < await given_up_at(clock) <= 5


async def test_time_in_which_nobody_could_listen_does_not_count(clock: Clock) -> None:
    clock.late = {2: 60.0, 5: 7.0}
    assert 71 < await given_up_at(clock) <= 72


async def test_whoever_says_something_has_all_the_time_again(clock: Clock) -> None:
    silence = Silence(4, 0.5, clock)
    clock.after = lambda: silence.broken() if clock.now <= 10 else None
    with anyio.CancelScope() as listening:
        await silence.end(listening)
    assert 14 < clock.now <= 15
