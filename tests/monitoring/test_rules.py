"""Rules and alerts: well formed, each with its paragraph in the handbook; each fires when it should, and then only."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest

from monitoring.programs import ROOT, RULES, program, rules
from monitoring.scenes import SCENES

if TYPE_CHECKING:
    from pathlib import Path

    from monitoring.scenes import Scene

HANDBOOK: Final = ROOT / "docs" / "operations.md"
FIRING: Final = 'count(ALERTS{{alertname="{}", alertstate="firing"}})'


def test_promtool_takes_them() -> None:
    subprocess.run([program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *RULES], check=True)


def paragraphs() -> list[str]:
    """Headings of the handbook's section about alerts."""
    (section,) = re.findall(r"^## Alerts\n(.*?)^## ", HANDBOOK.read_text(), re.MULTILINE | re.DOTALL)
    return re.findall(r"^### (\S+)\n\n\S", section, re.MULTILINE)


def test_every_alert_has_its_paragraph_and_every_paragraph_its_alert() -> None:
    names = [rule["alert"] for rule in rules("alert")]
    assert sorted(paragraphs()) == sorted(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert notes["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"
    assert all(text.rstrip()[-1] in ".;," for text in (notes["summary"], notes["description"]))


def test_the_handbooks_links_lead_somewhere() -> None:
    text = HANDBOOK.read_text()
    headings = {
        re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-")
        for each in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= headings


def test_there_is_a_scene_for_each_alert() -> None:
    fired = {scene.alert for scene in SCENES if scene.fires}
    assert fired == {rule["alert"] for rule in rules("alert")}


def told(scene: Scene) -> dict[str, Any]:
    """A scene as promtool wants it."""
    expected: list[tuple[int, list[Any]]] = [(moment, []) for moment in scene.quiet]
    expected += [(moment, [{"labels": "{}", "value": 1}]) for moment in scene.fires]
    return {
        "interval": f"1{scene.every}",
        "input_series": [{"series": name, "values": values} for name, values in scene.series.items()],
        "promql_expr_test": [
            {"expr": FIRING.format(scene.alert), "eval_time": f"{moment}{scene.every}", "exp_samples": samples}
            for moment, samples in expected
        ],
    }


@pytest.mark.parametrize("every", ["m", "h"])
def test_each_fires_when_it_should_and_then_only(every: str, tmp_path: Path) -> None:
    test = {
        "rule_files": [str(file) for file in RULES],
        "group_eval_order": sorted((file.stem for file in RULES), key=lambda name: name != "recorded"),
        "evaluation_interval": f"1{every}",
        "tests": [told(scene) for scene in SCENES if scene.every == every],
    }
    file = tmp_path / "test.yml"
    file.write_text(json.dumps(test))
    done = subprocess.run([program("promtool"), "test", "rules", file], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
