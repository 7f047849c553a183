"""The questions that dashboards ask, and which of them a Prometheus has no answer to."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from monitoring.programs import DASHBOARDS, rules

if TYPE_CHECKING:
    from pathlib import Path

    from monitoring.prometheus import Prometheus

FILES: Final = sorted(DASHBOARDS.glob("*.json"))
WINDOW: Final = "30s"
"""In the place of Grafana's `$__rate_interval`, which is four scrapes at least."""
LABEL: Final = re.compile(r"\{\{(\w+)\}\}")
FIGURE: Final = re.compile(r"\bappliance_[a-z_]+?(?=(?:_bucket|_sum|_count)?\b(?!_))")


def targets(dashboard: Path) -> list[tuple[str, dict[str, Any]]]:
    """Each panel's title with each of its questions."""
    panels = json.loads(dashboard.read_text())["panels"]
    return [(panel["title"], target) for panel in panels for target in panel.get("targets", ())]


def figures() -> set[str]:
    """All of the appliance's that a dashboard, rule or alert names."""
    asked = [target["expr"] for file in FILES for _, target in targets(file)]
    asked += [rule["expr"] for kind in ("alert", "record") for rule in rules(kind)]
    return {name for expression in asked for name in FIGURE.findall(expression)}


def unanswered(watching: Prometheus, dashboard: Path) -> list[str]:
    """Questions without an answer, or with one that lacks what its lines are named after."""
    found = []
    for title, target in targets(dashboard):
        question = target["expr"].replace("$box", "cupboard").replace("$__rate_interval", WINDOW)
        answer, named = watching.query(question), set(LABEL.findall(target["legendFormat"]))
        if not answer or not all(named <= set(series["metric"]) for series in answer):
            found.append(f"{title}: {question}")
    return found
