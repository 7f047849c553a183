"""The last spoken self-test as the doctor judges it, and the one that it has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.doctor import server
from appliance.doctor.child import Answer
from doctor.standing import Asked, outcomes, standing
from doctor.test_running import STAGE, Box, served

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("outcome", "found"),
    [("ok", None), ("busy", "note"), ("wrong", "fault"), ("silent", "fault")],
)
def test_a_box_without_room_is_not_ill(tmp_path: Path, outcome: str, found: str | None) -> None:
    ready = {"stages": {"stt": STAGE}, "spoken": {"outcome": outcome, "at": 1_795_000_000}}
    with served(Box(health_ready=(200, ready))) as url:
        assert outcomes(server.checks, standing(tmp_path, url=url)).get("last spoken test") == found


def test_one_wrong_answer_is_no_verdict(tmp_path: Path) -> None:
    asked = Asked({"probe": Answer(0, "{}")})
    with served(Box(v1_models=(200, {}))) as url:
        outcomes(server.checks, standing(tmp_path, url=url, ask=asked))
    assert asked.commands[0][asked.commands[0].index("--tries") + 1] == "2"
