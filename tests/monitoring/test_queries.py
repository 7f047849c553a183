"""A real Prometheus reads a real box after real use, and every question of every panel has an answer."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from monitoring.exporters import GPU, HOST, node_exporter, stand_in
from monitoring.programs import DASHBOARDS, rules
from monitoring.prometheus import Watched, free_port, prometheus, until

sys.path.append(str(Path(__file__).parents[1] / "realtime"))

from caller import at_24k, calling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitoring.prometheus import Prometheus

FILES: Final = sorted(DASHBOARDS.glob("*.json"))
PATIENCE_SECONDS: Final = 10.0
WINDOW: Final = "1m"
"""Grafana's `$__rate_interval` is four scrapes at least."""


def use(box: str, question: bytes) -> None:
    """Something of everything that a box does."""
    files = {"audio": ("q.wav", question)}
    with httpx.Client(base_url=box, timeout=120) as client:
        client.post("/v1/voice/turns", files=files, data={"max_tokens": "8"}).raise_for_status()
        for _ in range(2):
            chat = {"messages": [{"role": "user", "content": "What is green?"}], "max_tokens": 12}
            client.post("/v1/chat/completions", json=chat).raise_for_status()
        client.post("/health/spoken", json={"outcome": "ok", "seconds": 1.5}).raise_for_status()
        assert client.post("/v1/chat/completions", json={}).status_code == 400
    asyncio.run(talk(box, at_24k(question)))


async def talk(box: str, words: bytes) -> None:
    """A turn, and its reply interrupted by a second one."""
    audio = {"input": {"transcription": {"model": "whisper-1", "language": "en"}}}
    async with calling(box, audio=audio, max_output_tokens=40) as caller:
        await caller.say(words, 0.8)
        await caller.until("response.output_audio.delta")
        await caller.say(words, 0.8)
        await caller.until("response.done", 2)


@pytest.fixture(scope="module")
def watching(box: str, question: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with (
        stand_in(GPU | HOST) as standing,
        node_exporter(free_port(), folder / "node.log") as node,
        prometheus(folder, Watched(box.removeprefix("http://"), "none", [node, standing.target])) as running,
    ):
        until(lambda: len(running.query("up == 1")) == 4)
        use(box, question)
        # What was counted last has been read, and what is recorded from it worked out.
        until(lambda: running.query("box:voice_to_voice_seconds:p95"))
        yield running


LABELS: Final = re.compile(r"\{\{(\w+)\}\}")


def unanswered(watching: Prometheus, dashboard: Path) -> dict[str, str]:
    """Panels and their questions to which there is no answer, or one that lacks what its lines are named after."""
    found = {}
    for panel in json.loads(dashboard.read_text())["panels"]:
        for target in panel.get("targets", ()):
            question = target["expr"].replace("$box", "cupboard").replace("$__rate_interval", WINDOW)
            answer = watching.query(question)
            named = set(LABELS.findall(target["legendFormat"]))
            if not answer or not all(named <= set(series["metric"]) for series in answer):
                found[f"{panel['title']}: {target['legendFormat']}"] = question
    return found


@pytest.mark.parametrize("dashboard", FILES, ids=lambda file: file.stem)
def test_every_question_has_an_answer(watching: Prometheus, dashboard: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (missing := unanswered(watching, dashboard)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert missing == {}


def test_the_rules_are_read_and_can_be_worked_out(watching: Prometheus) -> None:
    assert watching.rules() == len(rules("alert")) + len(rules("record"))
    assert watching.broken_rules() == []


def test_a_box_that_is_well_alarms_nobody(watching: Prometheus) -> None:
    assert [each["labels"]["alertname"] for each in watching.alerts()] == []
