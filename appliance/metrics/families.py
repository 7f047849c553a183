"""A figure that is not counted as it happens but looked at when somebody asks: its name first, its values then."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Literal

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Kind = Literal["counter", "gauge", "info", "histogram"]


@dataclass(frozen=True, slots=True)
class Family:
    """One figure; `labels` are the names of its labels."""

    kind: Kind
    name: str
    text: str
    labels: tuple[str, ...] = ()

    def of(self, value: float) -> Metric:
        """With its only value."""
        return self.each([((), value)])

    def each(self, values: Iterable[tuple[Sequence[str], float]]) -> Metric:
        """A counter or a gauge with its values, each behind those of the labels."""
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = make(self.name, self.text, labels=self.labels)
        for labels, value in values:
            family.add_metric(list(labels), value)
        return family

    def facts(self, facts: Iterable[Mapping[str, str]]) -> Metric:
        """An info: for each thing what is known of it, by label."""
        family = InfoMetricFamily(self.name, self.text, labels=self.labels)
        for each in facts:
            family.add_metric([each[label] for label in self.labels], {})
        return family

    def histogram(self, bounds: Sequence[float], counts: Sequence[int], total: float) -> Metric:
        """How many values were at most each bound and above the one before, and last how many were above all."""
        family = HistogramMetricFamily(self.name, self.text)
        buckets, at_most = [], 0
        for bound, count in zip((*bounds, inf), counts, strict=True):
            at_most += count
            buckets.append((_written(bound), float(at_most)))
        family.add_metric([], buckets, total)
        return family


def _written(bound: float) -> str:
    """As Prometheus writes it."""
    return "+Inf" if bound == inf else str(float(bound))
