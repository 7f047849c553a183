"""Many requests of every kind against a real `appliance serve`: each is answered, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from conftest import descriptors, serving, wait_ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

AT_ONCE = 24
SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string", "maxLength": 8}, "count": {"type": "integer", "maximum": 99}},
    "required": ["word", "count"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "thing", "schema": SCHEMA}}
WORDS = ["the", "sea", "is", "blue", "and", "old", "clocks", "tick", "on"]


@dataclass(slots=True)
class Tally:
    """What became of the requests."""

    answered: int = 0
    left: int = 0
    wrong: list[str] = field(default_factory=list)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[psutil.Process, str]]:
    with serving(tmp_path / "log", APPLIANCE_LLM__CACHE_MB="0") as (process, url):
        yield psutil.Process(process.pid), url


def request(dice: random.Random) -> dict[str, Any]:
    """A request of random length, form, end, seed and number of replies."""
    words = " ".join(dice.choices(WORDS, k=dice.choice([2, 8, 30])))
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": words}],
        "max_tokens": dice.choice([1, 2, 4, 12]),
        "temperature": dice.choice([0, 0.7, 1.5]),
        "seed": dice.randrange(1000),
        "stream": dice.random() < 0.6,
    }
    if dice.random() < 0.12:
        body |= {"response_format": FORM, "max_tokens": 40}
    elif dice.random() < 0.3:
        body["stop"] = dice.choice(["the", ".", "e s", "\n"])
    if dice.random() < 0.1:
        body["n"] = 2
    if dice.random() < 0.2:
        body["service_tier"] = "flex"
    return body


async def send(client: httpx.AsyncClient, body: dict[str, Any], leave_after: int | None, tally: Tally) -> None:
    """Send it; hang up after so many lines, if at all."""
    async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
        lines: list[str] = []
        async for line in answer.aiter_lines():
            if leave_after is not None and len(lines) >= leave_after:
                tally.left += 1
                return
            lines.append(line)
    asked = {key: body.get(key) for key in ("service_tier", "max_tokens", "n", "stream")}
    if answer.status_code != 200:
        tally.wrong.append(f"{answer.status_code}: {lines[0][:300]} to {asked}")
        return
    tally.answered += 1
    if body["stream"]:
        if lines[-2:-1] != ["data: [DONE]"] and "data: [DONE]" not in lines:
            tally.wrong.append(f"a stream without an end: {lines[-3:]} to {asked}")
        return
    for choice in json.loads("\n".join(lines))["choices"]:
        if "response_format" in body and choice["finish_reason"] == "stop":
            said = json.loads(choice["message"]["content"])
            if set(said) != {"word", "count"} or not isinstance(said["count"], int):
                tally.wrong.append("an answer that is not of its schema")


async def soak(url: str, count: int, seed: int) -> Tally:
    """`count` requests, some at once."""
    dice, tally, places = random.Random(seed), Tally(), asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, timeout=900, limits=limits) as client:  # background work waits long

        async def one(body: dict[str, Any], leave_after: int | None) -> None:
            async with places:
                await send(client, body, leave_after, tally)

        asked = [(request(dice), dice.randrange(8) if dice.random() < 0.3 else None) for _ in range(count)]
        async with asyncio.TaskGroup() as tasks:
            for body, leave_after in asked:
                tasks.create_task(one(body, leave_after))
    return tally


def settle(url: str) -> dict[str, Any]:
    """Wait until nothing is in flight; the box's own word for it."""
    while True:
        stages = wait_ready(url)
        if not stages["llm"]["in_flight"]:
            return stages


def megabytes(both: tuple[psutil.Process, ...]) -> float:
    return float(sum(each.memory_full_info().uss for each in both)) / 1e6


def check(server: psutil.Process, url: str, warm: int, rounds: list[int]) -> None:
    """What leaks grows in every round. An engine's memory grows now and then by tens of megabytes, when more happens at
    once than ever before, and stays there."""
    first = asyncio.run(soak(url, warm, 1))
    settle(url)
    both = (server, next(child for child in server.children() if "llm" in child.cmdline()))
    held, looks = [each.num_fds() for each in both], [megabytes(both)]
    assert first.wrong == []
    assert first.answered + first.left == warm
    for seed, count in enumerate(rounds, 2):
        then = asyncio.run(soak(url, count, seed))
        stages = settle(url)
        looks.append(megabytes(both))
        assert then.wrong == []
        assert then.answered + then.left == count
        assert then.answered > count // 2
    assert stages["llm"]["restarts"] == 0
    for each, most in zip(both, held, strict=True):
        assert descriptors(each, most) <= most, each.cmdline()
    leaked = min(later - earlier for earlier, later in pairwise(looks))
    assert leaked <= (0.05 * looks[0] + 20) / len(rounds), looks


def test_a_hundred_requests_of_every_kind(server: tuple[psutil.Process, str]) -> None:
    check(*server, warm=60, rounds=[40])


@pytest.mark.soak
def test_two_thousand_requests_leave_nothing_behind(server: tuple[psutil.Process, str]) -> None:
    check(*server, warm=500, rounds=[500] * 3)
