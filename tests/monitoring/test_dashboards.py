"""The dashboards' files: as their sources make them, and as Grafana's schema wants them. Grafana itself is not here."""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import pytest

from monitoring.programs import ROLE, ROOT, read
from monitoring.questions import FILES, figures

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMAS: Final = Path(__file__).parent / "schemas"
UNITS: Final = {
    "Bps", "bytes", "celsius", "dtdurations", "hertz", "ops", "percentunit", "reqps", "s", "short", "watt",
}  # fmt: skip
"""Identifiers of Grafana's units: of those that it does not know it shows the name behind the number."""


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def model(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.param.read_text())
    return found


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(ROOT / "ansible"))
    yield import_module("dashboards.all")
    for name in [name for name in sys.modules if name.partition(".")[0] == "dashboards"]:
        del sys.modules[name]


def validator(name: str, part: str = "") -> Any:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    if part:
        schema["$ref"] = f"#/definitions/{part}"
    return jsonschema_rs.validator_for(schema)


def shown(model: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in model["panels"] if panel["type"] != "row"]


def test_the_files_are_what_their_sources_make(sources: Any) -> None:
    made = {f"{dashboard.name}.json": dashboard.json() for dashboard in sources.DASHBOARDS}
    assert {file.name: file.read_text() for file in FILES} == made
    assert len(FILES) == 5


def test_grafanas_schema_takes_them(model: dict[str, Any]) -> None:
    validator("dashboard").validate(model)
    for panel in shown(model):
        validator("timeseries", "FieldConfig").validate(panel["fieldConfig"]["defaults"]["custom"])
        validator("timeseries", "Options").validate(panel["options"])
        for target in panel["targets"]:
            validator("prometheus").validate(target)


def test_grafanas_schema_would_refuse_a_wrong_one(model: dict[str, Any]) -> None:
    shown(model)[0]["gridPos"]["w"] = 25
    with pytest.raises(jsonschema_rs.ValidationError):
        validator("dashboard").validate(model)


def test_what_the_schema_cannot_say(model: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in model["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in model["panels"]]
    assert len(set(titles)) == len(titles)
    for panel in shown(model):
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["description"].endswith(".")
        assert all(each["datasource"]["uid"] == "${datasource}" for each in (panel, *panel["targets"]))
        names = [target["refId"] for target in panel["targets"]]
        assert len(set(names)) == len(names) > 0
    assert [variable["name"] for variable in model["templating"]["list"]] == ["datasource", "box"]


def test_no_panel_lies_over_another(model: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in model["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    tops = [panel["gridPos"]["y"] for panel in model["panels"]]
    assert all(upper <= lower for upper, lower in pairwise(tops))


def test_every_figure_is_in_the_table_of_figures() -> None:
    table = (ROOT / "docs" / "metrics.md").read_text()
    known = {f"appliance_{name}" for name in re.findall(r"^\| `(\w+)`", table, re.MULTILINE)}
    assert len(figures()) > 60
    assert figures() - known == set()


def test_no_two_have_one_name() -> None:
    models = [json.loads(file.read_text()) for file in FILES]
    for name in ("uid", "title"):
        assert len({model[name] for model in models}) == len(models)


def test_grafana_is_told_where_they_are() -> None:
    (provider,) = read(ROLE / "files" / "grafana-dashboards.yml")["providers"]
    tasks: Any = read(ROLE / "tasks" / "grafana.yml")
    copied = [task["ansible.builtin.copy"] for task in tasks if "ansible.builtin.copy" in task]
    (brought,) = [each for each in copied if each["src"] == "dashboards/"]
    assert brought["dest"].rstrip("/") == provider["options"]["path"]
    assert provider["type"] == "file"
