"""Figures that were looked at, by family and label: what `/metrics` writes, read by a door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prometheus_client.core import Metric

    from appliance.metrics.families import Family

SUFFIX: Final = {"info": "_info"}


class Figures:
    """Those of one look. What could not be looked at is not there."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for metric in found:
            for sample in metric.samples:
                self._samples.setdefault(sample.name, []).append((sample.labels, sample.value))

    def of(self, family: Family, **labels: str) -> float | None:
        """The first value with these labels."""
        for known, value in self._each(family):
            if all(known.get(name) == wanted for name, wanted in labels.items()):
                return value
        return None

    def by(self, family: Family, label: str) -> dict[str, float]:
        """The values by one label."""
        return {known[label]: value for known, value in self._each(family)}

    def facts(self, family: Family) -> list[Mapping[str, str]]:
        """The labels of an info."""
        return [known for known, _ in self._each(family)]

    def _each(self, family: Family) -> list[tuple[Mapping[str, str], float]]:
        return self._samples.get(family.name + SUFFIX.get(family.kind, ""), [])
