"""What is remembered, and the room for it."""

from __future__ import annotations

from typing import Final

from dashboards.dashboard import Dashboard, Panel, Row
from dashboards.queries import chosen, quantile, rate, value

NIGHTLY: Final = 'name="appliance-backup.timer"'

STORAGE: Final = Dashboard(
    "storage",
    "Storage",
    "What is remembered, and the room for it.",
    (
        Row(
            "Database",
            (
                Panel(
                    "Writing",
                    "s",
                    {
                        "half": quantile(0.5, "appliance_store_write_seconds"),
                        "19 of 20": quantile(0.95, "appliance_store_write_seconds"),
                    },
                    "Committing the changes that waited, together, to disk.",
                ),
                Panel(
                    "Reading",
                    "s",
                    {
                        "half": quantile(0.5, "appliance_store_read_seconds"),
                        "19 of 20": quantile(0.95, "appliance_store_read_seconds"),
                    },
                    "One read.",
                ),
                Panel(
                    "Changes that wait",
                    "short",
                    {"{{box}}": value("appliance_store_writes_waiting", "box")},
                    "At 1024 more are refused.",
                    limit=100,
                ),
                Panel(
                    "Writes that failed",
                    "ops",
                    {"{{code}}": rate("appliance_store_writes_failed_total", "code")},
                    "By what clients were told.",
                ),
                Panel(
                    "Size",
                    "bytes",
                    {"{{file}}": value("appliance_store_bytes", "file")},
                    "The database and its write-ahead log.",
                ),
                Panel(
                    "Documents",
                    "short",
                    {
                        "waiting": value("appliance_documents_waiting", "box"),
                        "{{outcome}} a second": rate("appliance_documents_total", "outcome"),
                    },
                    "Documents that are not read yet, and how reading others ended.",
                ),
            ),
        ),
        Row(
            "Disks",
            (
                Panel(
                    "Free",
                    "bytes",
                    {"{{box}} {{place}}": chosen("box:disk_free_bytes")},
                    "By what lies there; several places may be on one disk.",
                ),
                Panel(
                    "In use",
                    "percentunit",
                    {"{{box}} {{place}}": f"1 - {chosen('box:disk_free_bytes')} / {chosen('box:disk_size_bytes')}"},
                    "Share of each disk.",
                    most=1,
                    limit=0.9,
                ),
                Panel(
                    "Free in two days",
                    "bytes",
                    {"{{box}} {{place}}": f"clamp_min({chosen('box:disk_free_bytes:in_2_days')}, 0)"},
                    "If it goes on as in the last six hours.",
                ),
            ),
        ),
        Row(
            "Caches, clips, backups",
            (
                Panel(
                    "Caches",
                    "bytes",
                    {"{{purpose}}": value("appliance_cache_bytes", "purpose")},
                    "On disk. They keep within their limits, and give way where the disk has little room.",
                ),
                Panel(
                    "Faults of caches, and clips",
                    "ops",
                    {
                        "{{purpose}} begun anew": rate("appliance_cache_faults_total", "purpose"),
                        "clips {{outcome}}": rate("appliance_clips_total", "outcome"),
                    },
                    "Caches that were damaged; recordings that were kept or lost.",
                ),
                Panel(
                    "Since the last backup",
                    "dtdurations",
                    {"{{box}}": f"time() - ({chosen('node_systemd_timer_last_trigger_seconds', NIGHTLY)} > 0)"},
                    "Since one was begun by the clock.",
                ),
            ),
        ),
    ),
)
