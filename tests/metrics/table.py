"""What docs/metrics.md says of the figures, and what a page has of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from appliance.errors import CODES
from appliance.web.doors import DOORS

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
PREFIX: Final = "appliance_"
ROUTES = {re.sub(r":\w+}", "}", path) for handler in DOORS for path in handler.paths} | {"unmatched"}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: by its name on the page, as the table has it."""

    name: str
    kind: str
    labels: Mapping[str, tuple[str, ...]]


def rows() -> list[Row]:
    """All of the table."""
    found = []
    for line in PAGE.read_text().splitlines():
        if line.startswith("| `"):
            name, kind, labels, _unit, _meaning = (cell.strip() for cell in line.strip("|").split("|"))
            found.append(Row(PREFIX + name.strip("` "), kind, dict(map(_label, filter(None, labels.split("; "))))))
    return found


def _label(cell: str) -> tuple[str, tuple[str, ...]]:
    name, _, values = cell.partition(": ")
    return name.strip("`"), tuple(values.split(", "))


def allowed(value: str, values: tuple[str, ...]) -> bool:
    """Whether a label's value is one of those that the table names."""
    kinds = {
        "*route*": value in ROUTES or value.startswith("/schema"),
        "*status*": value.isdecimal(),
        "*code*": value in CODES,
        "*index*": value.isdecimal(),
        "*name*": True,
    }
    return value in values or any(kinds[each] for each in values if each.startswith("*"))


class Figures:
    """A page that was asked for: `figures["name"]` is the sum of its values, `figures("name", label="…")` of some."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.text = httpx.get(f"{url}/metrics", headers=headers).raise_for_status().text
        self.families = list(text_string_to_metric_families(self.text))
        self.samples = [sample for family in self.families for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        """0 where there are none."""
        return sum(
            sample.value for sample in self.samples
            if sample.name == PREFIX + name and labels.items() <= sample.labels.items()
        )  # fmt: skip

    def has(self, name: str) -> bool:
        """Whether there is any of that name, or whose name begins so where it ends with a line."""
        full = PREFIX + name
        return any(
            sample.name == full or (full.endswith("_") and sample.name.startswith(full)) for sample in self.samples
        )
