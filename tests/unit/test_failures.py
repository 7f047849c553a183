"""Wrong keys cost time."""

from __future__ import annotations

import anyio
import pytest

from appliance.callers import failures
from appliance.callers.failures import FORGIVEN_SECONDS, LONGEST_SECONDS, MOST_ADDRESSES, MOST_WAITING, Failures
from appliance.errors import RateLimited


def test_each_failure_costs_more_until_it_is_forgiven() -> None:
    now = 0.0
    failed = Failures(lambda: now)
    assert [failed.cost("a") for _ in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 3.2, 3.2]
    assert failed.cost("b") == 0.1
    now = FORGIVEN_SECONDS - 1
    assert failed.cost("a") == LONGEST_SECONDS
    now += FORGIVEN_SECONDS + 1
    assert failed.cost("a") == 0.1


def test_addresses_are_bounded() -> None:
    failed = Failures(lambda: 0.0)
    failed.cost("first")
    for number in range(MOST_ADDRESSES):
        failed.cost(str(number))
    assert len(failed._failed) == MOST_ADDRESSES
    assert failed.cost("first") == 0.1


async def test_many_failures_at_once_take_up_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "FIRST_SECONDS", 1000.0)
    monkeypatch.setattr(failures, "LONGEST_SECONDS", 1000.0)
    failed = Failures()
    async with anyio.create_task_group() as tasks:
        for _ in range(MOST_WAITING):
            tasks.start_soon(failed.slow_down, "a")
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(RateLimited) as refused:
            await failed.slow_down("b")
        assert refused.value.retry_after > 0
        tasks.cancel_scope.cancel()


def test_few_failures_are_written_down() -> None:
    now = 0.0
    failed = Failures(lambda: now)
    noted = []
    for number in range(1, 20):
        now += 1
        if failed.worth_noting("a"):
            noted.append(number)
        failed.cost("a")
    assert noted == [1, 2, 4, 8, 16]
    assert [failed.worth_noting(each) for each in ("b", "c")] == [True, False]  # few a second
    now += 1
    assert failed.worth_noting("c")


def test_a_network_is_one_address() -> None:
    failed = Failures(lambda: 0.0)
    assert [failed.cost(f"2001:db8::{host}") for host in (1, 2, 3)] == [0.1, 0.2, 0.4]
    assert failed.cost("2001:db8:1::1") == 0.1
