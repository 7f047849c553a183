"""`appliance probe --tries`: one wrong answer may be chance, and is asked for again; nothing else is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from click.testing import CliRunner
from scripted import ScriptedStage, doors
from test_probe import Box

from appliance.cli.main import main
from appliance.errors import InternalError
from appliance.jobs import Generate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from appliance.jobs import AnyJob

RIGHT, WRONG, NONE = "hello there", "bzz", ""


class Fickle(Box):
    """Hears itself differently in each turn, or fails in it."""

    def __init__(self, *turns: str) -> None:
        super().__init__()
        self.left = list(turns)

    async def play(self, job: AnyJob, number: int) -> AsyncIterator[Any]:
        if isinstance(job, Generate):
            self.again = self.left.pop(0)
            self.failing = [] if self.again else [InternalError("The engine failed.")]
        async for part in super().play(job, number):
            yield part


@pytest.mark.parametrize(
    ("turns", "options", "code", "taken"),
    [
        ([WRONG, RIGHT], ["--tries", "2"], 0, 2),
        ([WRONG, RIGHT], [], 1, 1),
        ([WRONG, WRONG, RIGHT], ["--tries", "2"], 1, 2),
        ([WRONG, WRONG, RIGHT], ["--tries", "3"], 0, 3),
        ([RIGHT, RIGHT], ["--tries", "2"], 0, 1),
        ([NONE, RIGHT], ["--tries", "2"], 2, 1),
        ([WRONG, NONE, RIGHT], ["--tries", "3"], 2, 2),
    ],
)
def test_only_a_wrong_answer_is_asked_for_again(turns: list[str], options: list[str], code: int, taken: int) -> None:
    box = Fickle(*turns)
    with doors(stage=ScriptedStage(box.play)) as url:
        done = CliRunner().invoke(main, ["probe", "--json", "--url", url, *options])
        told = httpx.get(f"{url}/health/ready")
    assert (done.exit_code, len(turns) - len(box.left)) == (code, taken), done.output
    outcome = {0: "ok", 1: "wrong", 2: "silent"}[code]
    assert json.loads(done.stdout)["outcome"] == outcome
    assert (told.status_code, told.json()["spoken"]["outcome"]) == (200, outcome), "so many tries are one test"
    assert [line.startswith("wrong after") for line in done.stderr.splitlines()] == [True] * (taken - 1)
