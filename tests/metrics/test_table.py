"""docs/metrics.md is what the code has: names, kinds, labels, both ways."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.metrics import MetricWrapperBase
from table import PREFIX, Figures, rows

from appliance import metrics
from appliance import settings as settings_module
from appliance.web.sources import sources

sys.path.append(str(Path(__file__).parents[1] / "web"))

from scripted import ScriptedStage, doors

SUFFIX = {"counter": "_total", "info": "_info"}


def counted() -> list[Any]:
    """All figures that are counted as things happen."""
    return [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]


def test_the_table_has_what_the_code_has(tmp_path: Path) -> None:
    settings = settings_module.load(environ={}, state_dir=tmp_path)
    documents: Any = None  # nobody asks
    known: dict[str, tuple[str, set[str]]] = {}
    for each in counted():
        (family,) = each.describe()
        known[family.name + SUFFIX.get(family.type, "")] = family.type, set(each._labelnames)
    for source in sources(settings, dict, documents):
        for each in source.families:
            name = each.name.removesuffix("_total") + SUFFIX.get(each.kind, "")
            assert name not in known
            known[name] = each.kind, set(each.labels)
    known[f"{PREFIX}stage_model_info"][1].add("model")
    known[f"{PREFIX}build_info"][1].add("version")
    assert known == {row.name: (row.kind, set(row.labels)) for row in rows()}
    assert len(known) == len(rows())


def test_all_that_is_counted_is_on_the_page() -> None:
    shown = {family.name for family in metrics.REGISTRY.collect()}
    assert {family.name for each in counted() for family in each.describe()} <= shown


def test_the_rules_of_names() -> None:
    for row in rows():
        assert row.name.endswith("_total") == (row.kind == "counter"), row.name
        if row.kind == "histogram":
            assert row.name.endswith(("_seconds", "_utterances", "_sequences", "_tokens")), row.name


def test_nothing_that_a_client_makes_up_becomes_a_label() -> None:
    with doors(stage=ScriptedStage()) as url:
        for path in ("/v1/files/file_madeup", "/v1/conversations/conv_madeup", "/made/up", "/v1/models/madeup"):
            httpx.get(url + path, headers={"x-request-id": "madeup"})
        httpx.post(f"{url}/v1/chat/completions", json={"model": "madeup", "messages": []})
        httpx.post(f"{url}/health/spoken", json={"outcome": "madeup", "seconds": 1})
        figures = Figures(url)
    assert "madeup" not in figures.text
    assert figures("http_requests_total", route="unmatched", status="404") > 0
    assert figures("errors_total", code="not_found") > 0


def test_a_wrong_key_counts() -> None:
    before, told = metrics.WRONG_KEYS._value.get(), metrics.ERRORS.labels("invalid_api_key")._value.get()
    with doors(stage=ScriptedStage(), overrides={"http": {"open": False}}) as url:
        for key in ("", "Bearer va_nobody_knows"):
            assert httpx.get(f"{url}/v1/models", headers={"authorization": key}).status_code == 401
    assert metrics.WRONG_KEYS._value.get() == before + 1
    assert metrics.ERRORS.labels("invalid_api_key")._value.get() == told + 1
