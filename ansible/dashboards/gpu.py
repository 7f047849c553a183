"""The graphics card. All of it is empty on a box without one."""

from __future__ import annotations

from typing import Final

from dashboards.dashboard import Dashboard, Panel, Row
from dashboards.queries import rate, value

GPU: Final = Dashboard(
    "gpu",
    "GPU",
    "The graphics card. All of it is empty on a box without one.",
    (
        Row(
            "Use",
            (
                Panel(
                    "Busy",
                    "percentunit",
                    {"{{box}} {{gpu}}": value("appliance_gpu_utilisation_ratio", "box, gpu")},
                    "Share of the time in which something ran on it.",
                    12,
                    most=1,
                ),
                Panel(
                    "GPU memory",
                    "bytes",
                    {"{{box}} {{gpu}} {{kind}}": value("appliance_gpu_memory_bytes", "box, gpu, kind")},
                    "What there is, and what is in use.",
                    12,
                ),
            ),
        ),
        Row(
            "Health",
            (
                Panel(
                    "Temperature",
                    "celsius",
                    {"{{box}} {{gpu}}": value("appliance_gpu_temperature_celsius", "box, gpu")},
                    "Of the chip.",
                    limit=87,
                ),
                Panel(
                    "Power",
                    "watt",
                    {
                        "{{box}} {{gpu}}": value("appliance_gpu_power_watts", "box, gpu"),
                        "{{box}} {{gpu}} limit": value("appliance_gpu_power_limit_watts", "box, gpu"),
                    },
                    "What it draws, and what it may draw.",
                ),
                Panel(
                    "Clocks",
                    "hertz",
                    {"{{box}} {{gpu}} {{clock}}": value("appliance_gpu_clock_hertz", "box, gpu, clock")},
                    "They fall when it is idle, hot, or at its limit of power.",
                ),
                Panel(
                    "Slowed down",
                    "short",
                    {"{{box}} {{gpu}} {{reason}}": value("appliance_gpu_throttled", "box, gpu, reason")},
                    "1 while it slows itself down, by the reason that it gives.",
                    12,
                    most=1,
                ),
                Panel(
                    "Uncorrected errors",
                    "ops",
                    {"{{box}} {{gpu}}": rate("appliance_gpu_uncorrected_errors_total", "box, gpu")},
                    "Errors of its memory that it could not correct.",
                    12,
                ),
            ),
        ),
    ),
)
