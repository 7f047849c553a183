"""The graphics cards, by NVIDIA's management library (NVML): nothing at all where there is no card or no library.

Each query is one of the driver's own, and each card answers some of them: in a card that is divided (MIG) nobody knows
how busy the whole of it is. What is not answered is left out, never 0.
https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from appliance.metrics.families import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

AGAIN_SECONDS: Final = 60.0
"""Without a card or a driver, after so long it is looked for again."""

_CARD: Final = ("gpu",)
CARD: Final = Family("info", "appliance_gpu", "A graphics card.", ("gpu", "name", "driver"))
UTILISATION: Final = Family(
    "gauge", "appliance_gpu_utilisation_ratio", "Share of the last moment in which the card worked.", _CARD
)
MEMORY: Final = Family("gauge", "appliance_gpu_memory_bytes", "Memory of the card.", ("gpu", "kind"))
TEMPERATURE: Final = Family("gauge", "appliance_gpu_temperature_celsius", "Temperature of the chip.", _CARD)
POWER: Final = Family("gauge", "appliance_gpu_power_watts", "Power that the card draws.", _CARD)
POWER_LIMIT: Final = Family("gauge", "appliance_gpu_power_limit_watts", "Power that it may draw.", _CARD)
CLOCK: Final = Family("gauge", "appliance_gpu_clock_hertz", "Clock of the processors and the memory.", ("gpu", "clock"))
THROTTLED: Final = Family("gauge", "appliance_gpu_throttled", "1 while it is slowed down.", ("gpu", "reason"))
ERRORS: Final = Family(
    "counter", "appliance_gpu_uncorrected_errors_total", "Errors of the memory that were not corrected.", _CARD
)

FAMILIES: Final = (CARD, UTILISATION, MEMORY, TEMPERATURE, POWER, POWER_LIMIT, CLOCK, THROTTLED, ERRORS)

REASONS: Final = {
    "thermal": ("SwThermalSlowdown", "HwThermalSlowdown"),
    "power": ("SwPowerCap", "HwPowerBrakeSlowdown"),
    "hardware": ("HwSlowdown",),
    "other": ("SyncBoost", "DisplayClockSetting"),
}
"""Not among them: that the card is idle, and clocks that somebody has set."""

Values = list[tuple[tuple[str, ...], float]]


class Gpu:
    """All cards. `library` gives `pynvml`; a test has another one."""

    def __init__(self, library: Callable[[], Any] | None = None) -> None:
        self._library = library or _pynvml
        self._nvml: Any = None
        self._try_at = 0.0

    def look(self) -> Iterator[Metric]:
        """What each card answers."""
        nvml = self._begun()
        if nvml is None:
            return
        try:
            count, driver = nvml.nvmlDeviceGetCount(), _text(nvml.nvmlSystemGetDriverVersion())
        except nvml.NVMLError:  # the driver was exchanged, or is gone: begin anew the next time
            self._end()
            return
        values: dict[Family, Values] = {family: [] for family in FAMILIES if family is not CARD}
        facts = []
        for index in range(count):
            card = _asked(nvml, nvml.nvmlDeviceGetHandleByIndex, index)
            if card is None:
                continue
            label = str(index)
            facts.append({"gpu": label, "name": _text(_asked(nvml, nvml.nvmlDeviceGetName, card)), "driver": driver})
            for family, rest, value in _figures(nvml, card):
                values[family].append(((label, *rest), value))
        yield CARD.facts(facts)
        for family, each in values.items():
            if each:
                yield family.each(each)

    def _begun(self) -> Any:
        if self._nvml is None and time.monotonic() >= self._try_at:
            try:
                nvml = self._library()
                nvml.nvmlInit()
                self._nvml = nvml
            except Exception:  # noqa: BLE001 - whatever is missing: there is no card for us
                self._end()
        return self._nvml

    def _end(self) -> None:
        self._nvml, self._try_at = None, time.monotonic() + AGAIN_SECONDS


def _pynvml() -> Any:
    import pynvml

    return pynvml


def _asked(nvml: Any, query: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, or None where this card, its driver or its mode has none."""
    try:
        return query(*arguments)
    except nvml.NVMLError:
        return None


def _figures(nvml: Any, card: Any) -> Iterator[tuple[Family, tuple[str, ...], float]]:
    if (rates := _asked(nvml, nvml.nvmlDeviceGetUtilizationRates, card)) is not None:
        yield UTILISATION, (), rates.gpu / 100
    for kind, size in _memory(nvml, card).items():
        yield MEMORY, (kind,), size
    if (degrees := _asked(nvml, nvml.nvmlDeviceGetTemperature, card, nvml.NVML_TEMPERATURE_GPU)) is not None:
        yield TEMPERATURE, (), degrees
    if (milliwatts := _asked(nvml, nvml.nvmlDeviceGetPowerUsage, card)) is not None:
        yield POWER, (), milliwatts / 1000
    if (milliwatts := _asked(nvml, nvml.nvmlDeviceGetEnforcedPowerLimit, card)) is not None:
        yield POWER_LIMIT, (), milliwatts / 1000
    for clock, which in (("sm", nvml.NVML_CLOCK_SM), ("memory", nvml.NVML_CLOCK_MEM)):
        if (megahertz := _asked(nvml, nvml.nvmlDeviceGetClockInfo, card, which)) is not None:
            yield CLOCK, (clock,), megahertz * 1e6
    if (reasons := _reasons(nvml, card)) is not None:
        for reason, names in REASONS.items():
            bits = (getattr(nvml, f"nvmlClocksEventReason{name}", 0) for name in names)
            yield THROTTLED, (reason,), float(any(reasons & bit for bit in bits))
    kinds = (nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_AGGREGATE_ECC)
    if (errors := _asked(nvml, nvml.nvmlDeviceGetTotalEccErrors, card, *kinds)) is not None:
        yield ERRORS, (), errors


def _reasons(nvml: Any, card: Any) -> int | None:
    """Why the clocks are lower than they could be; drivers before 535 know the query by another name."""
    reasons = _asked(nvml, nvml.nvmlDeviceGetCurrentClocksEventReasons, card)
    if reasons is None:
        reasons = _asked(nvml, nvml.nvmlDeviceGetCurrentClocksThrottleReasons, card)
    return None if reasons is None else int(reasons)


def _memory(nvml: Any, card: Any) -> dict[str, int]:
    """Of the card; where only its parts may be seen (MIG), of them together."""
    found = [_asked(nvml, nvml.nvmlDeviceGetMemoryInfo, card)]
    if found == [None]:
        parts = range(_asked(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, card) or 0)
        handles = [_asked(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, card, index) for index in parts]
        found = [_asked(nvml, nvml.nvmlDeviceGetMemoryInfo, part) for part in handles if part is not None]
    known = [each for each in found if each is not None]
    if not known:
        return {}
    return {"total": sum(each.total for each in known), "used": sum(each.used for each in known)}


def _text(given: Any) -> str:
    return given.decode(errors="replace") if isinstance(given, bytes) else str(given or "unknown")
