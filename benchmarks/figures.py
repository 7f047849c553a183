"""One measured figure, what is demanded of it, and all of them as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.engines.host import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Figure:
    """A name, a value and its unit; `at_least` or `at_most` where something is demanded."""

    name: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    samples: tuple[float, ...] = ()
    """What it was made of, so that reports show the spread."""
    lower_is_better: bool | None = None
    """None: neither is."""

    @property
    def met(self) -> bool | None:
        """Whether the demand is met; None if there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most

    def row(self) -> str:
        """A line of the table."""
        demand = ""
        if self.met is not None:
            bound = f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"
            demand = f"{bound:>10}  {'met' if self.met else 'NOT MET'}"
        return f"{self.name:<52} {self.value:>10.4g} {self.unit:<10}{demand}".rstrip()


def percentile(values: Sequence[float], share: float) -> float:
    """By the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def spread(name: str, seconds: Sequence[float], at_most: float | None = None) -> Iterator[Figure]:
    """The median and the 95th percentile, in milliseconds; `at_most` is demanded of the latter."""
    yield Figure(f"{name}_p50", 1000 * percentile(seconds, 0.5), "ms")
    yield Figure(f"{name}_p95", 1000 * percentile(seconds, 0.95), "ms", at_most=at_most)


def machine() -> dict[str, Any]:
    """What the figures were measured on and with."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)  # noqa: S607
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "llama_cpp_python": version("llama-cpp-python"),
        "commit": commit.stdout.strip(),
        "workers_environment": dict(ENVIRONMENT),
    }


def keep(figures: Sequence[Figure], file: Path, about: dict[str, Any]) -> None:
    """Write all figures to a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [{**asdict(figure), "met": figure.met} for figure in figures]
    file.write_text(json.dumps({"machine": about, "figures": rows}, indent=2) + "\n")
