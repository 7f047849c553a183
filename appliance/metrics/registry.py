"""What all figures of this process share. Prometheus' own rules for names: base units, `_total` for counters."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Info, disable_created_metrics

from appliance import __version__

disable_created_metrics()  # type: ignore[no-untyped-call]
"""Nobody asks when a figure was first counted, and it would make the page half as long again."""

REGISTRY: Final = CollectorRegistry()

LATENCY_SECONDS: Final = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
LONG_SECONDS: Final = (60.0, 120.0, 300.0, 600.0)
"""Behind those, for what may take as long as the stages' own limits let it."""

BUILD: Final = Info("appliance_build", "What runs here.", registry=REGISTRY)
BUILD.info({"version": __version__})
