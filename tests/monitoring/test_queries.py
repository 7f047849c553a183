"""A real Prometheus reads a real box after real use, and every question of every panel has an answer."""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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

PANELS: Final = [
    (file.stem, panel)
    for file in sorted(DASHBOARDS.glob("*.json"))
    for panel in json.loads(file.read_text())["panels"]
    if panel["type"] != "row"
]
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


@pytest.mark.parametrize(("dashboard", "panel"), PANELS, ids=[f"{name}: {panel['title']}" for name, panel in PANELS])
def test_every_question_has_an_answer(watching: Prometheus, dashboard: str, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        question = target["expr"].replace("$box", "cupboard").replace("$__rate_interval", WINDOW)
        answer = until(partial(watching.query, question), seconds=5)
        for label in ("box", "stage", "job", "outcome", "until", "kind", "code", "process", "gpu"):
            if f"{{{{{label}}}}}" in target["legendFormat"]:
                assert all(label in series["metric"] for series in answer), (target, answer)


def test_the_rules_are_read_and_can_be_worked_out(watching: Prometheus) -> None:
    assert watching.rules() == len(rules("alert")) + len(rules("record"))
    assert watching.broken_rules() == []


def test_a_box_that_is_well_alarms_nobody(watching: Prometheus) -> None:
    assert [each["labels"]["alertname"] for each in watching.alerts()] == []
