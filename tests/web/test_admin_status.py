"""What an administrator's page shows of the box and its machine: a real box, and sources that fail or have cards."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from conftest import PATIENCE_SECONDS, until
from scripted import ScriptedStage, served

from appliance import __version__
from appliance import settings as settings_module
from appliance.callers.names import Names
from appliance.engines.status import StageStatus
from appliance.metrics import gpu, machine
from appliance.store.database import Database
from appliance.voice.stages import Stages
from appliance.web.admin.cores import Cores, Share
from appliance.web.box import make_box
from appliance.web.doors import open_doors
from appliance.web.scrape import Scrape
from appliance.web.sources import sources

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from prometheus_client.core import Metric


def asked(url: str) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{url}/v1/admin/status").raise_for_status().json()
    return told


def test_a_real_box_tells_all_of_itself(box: str) -> None:
    told = until(lambda: asked(box), lambda seen: not seen["unseen"])  # a machine that is busy may show less at first
    assert (told["version"], told["status"]) == (__version__, "ready")
    ready = httpx.get(f"{box}/health/ready").json()
    assert set(told["stages"]) == set(ready["stages"])
    for role, stage in ready["stages"].items():
        assert {name: told["stages"][role][name] for name in ("state", "model", "detail")} == {
            name: stage[name] for name in ("state", "model", "detail")
        }
    assert told["stages"]["llm"]["waiting"] in (0, None)  # None before its first heartbeat
    assert told["uptime_seconds"] > 0
    assert told["load"]["cores"] == os.cpu_count()
    assert len(told["load"]["load_average"]) == 3
    assert told["memory"]["total_bytes"] == psutil.virtual_memory().total
    assert 0 < told["memory"]["available_bytes"] <= told["memory"]["total_bytes"]
    assert told["disks"][0]["purpose"] == "state"
    assert 0 < told["disks"][0]["free_bytes"] <= told["disks"][0]["total_bytes"]
    assert {"server", *ready["stages"]} == {each["name"] for each in told["processes"]}
    assert all(each["resident_bytes"] > 1_000_000 for each in told["processes"])
    assert told["documents_waiting"] == 0
    assert told["speaking"]["live"] >= 0
    assert told["speaking"]["most"] > 0


def test_a_card_is_shown_and_what_it_does_not_answer_is_null(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def look(_: object) -> Iterable[Metric]:
        yield gpu.CARD.facts([{"gpu": "0", "name": "A card", "driver": "1"}])
        yield gpu.UTILISATION.each([(("0",), 0.5)])
        yield gpu.MEMORY.each([(("0", "used"), 10), (("0", "total"), 40)])

    def gone() -> Iterable[Metric]:
        raise OSError

    monkeypatch.setattr(gpu.Gpu, "look", look)
    monkeypatch.setattr(machine, "look", gone)
    stage = ScriptedStage()
    settings = settings_module.load(environ={}, overrides={"http": {"open": True}, "store": {"dir": str(tmp_path)}})
    down = StageStatus("down", "brain", "the model is gone", 3, 1, None)
    made = make_box(
        settings, Stages(stage, stage, stage, stage), Names(stt="ears", llm="brain", voices={"joe": "mouth"}),
        Database(settings.database), lambda: {"llm": down},
    )  # fmt: skip
    patient = Scrape(sources(settings, made.health, made.documents), PATIENCE_SECONDS)
    with served(open_doors(replace(made, scrape=patient))) as url:
        told = asked(url)
    assert told["gpus"] == [
        {
            "gpu": "0", "name": "A card", "driver": "1", "utilisation": 0.5, "memory_used_bytes": 10,
            "memory_total_bytes": 40, "temperature_celsius": None,
        }
    ]  # fmt: skip
    assert told["stages"] == {
        "llm": {
            "state": "down", "model": "brain", "detail": "the model is gone", "restarts": 3, "in_flight": 1,
            "waiting": None,
        }
    }  # fmt: skip
    assert (told["status"], told["spoken"]) == ("not_ready", None)
    assert (told["load"], told["memory"], told["unseen"]) == (None, None, ["host"])
    assert [each["name"] for each in told["processes"]] == ["server"]


def test_cores_are_as_busy_as_their_times_say() -> None:
    cores = Cores()
    assert cores.share({"user": 100.0, "idle": 900.0, "iowait": 0.0}, 2) is None  # since when, nobody knows
    assert cores.share({"user": 100.5, "idle": 900.5, "iowait": 0.0}, 2) is None  # too short to tell
    assert cores.share({"user": 105.0, "idle": 910.0, "iowait": 5.0}, 2) == Share(0.25, 10.0)
    assert cores.share({"user": 105.0, "idle": 910.0, "iowait": 5.0}, 2) == Share(0.25, 10.0)
    assert cores.share({"user": 109.0, "idle": 910.0, "iowait": 5.0}, 2) == Share(1.0, 2.0)
