"""Writes each dashboard to where the role takes it from."""

from __future__ import annotations

from pathlib import Path

from dashboards.all import DASHBOARDS

FOLDER = Path(__file__).parents[1] / "roles" / "monitoring" / "files" / "dashboards"

for dashboard in DASHBOARDS:
    (FOLDER / f"{dashboard.name}.json").write_text(dashboard.json())
