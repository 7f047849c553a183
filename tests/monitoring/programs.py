"""Debian's Prometheus and what belongs to it, and the role's files as those programs read them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import pytest

yaml = pytest.importorskip("yaml")

ROOT: Final = Path(__file__).parents[2]
ROLE: Final = ROOT / "ansible" / "roles" / "monitoring"
RULES: Final = sorted((ROLE / "files" / "rules").glob("*.yml"))
DASHBOARDS: Final = ROLE / "files" / "dashboards"


def program(name: str) -> str:
    """Where it is; a test that needs it is skipped where it is not."""
    if (found := shutil.which(name)) is None:
        pytest.skip(f"{name} is not on PATH: apt-get download its Debian package and unpack it, as .ci/run does")
    return found


def read(file: Path) -> dict[str, Any]:
    """A file of the role's."""
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def rules(kind: str) -> list[dict[str, Any]]:
    """All of a kind: `alert` or `record`."""
    groups = [group for file in RULES for group in read(file)["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]
