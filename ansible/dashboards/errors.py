"""What goes wrong, and who notices."""

from __future__ import annotations

from typing import Final

from dashboards.dashboard import Dashboard, Panel, Row
from dashboards.queries import chosen, rate, value

ALERTS: Final = (
    'count by (alertname) (ALERTS{alertstate="firing"}) or label_replace(sum(up * 0), "alertname", "none", "", "")'
)

ERRORS: Final = Dashboard(
    "errors",
    "Errors",
    "What goes wrong, and who notices.",
    (
        Row(
            "What clients were told",
            (
                Panel(
                    "Faults of the box",
                    "percentunit",
                    {"{{box}}": chosen("box:faults:ratio")},
                    "Requests and live turns of ten minutes that ended with a fault of the box. The goal is 0.1 %.",
                    limit=0.001,
                ),
                Panel(
                    "Errors",
                    "ops",
                    {"{{code}}": rate("appliance_errors_total", "code")},
                    "By their code; appliance/errors.py says what each means.",
                    stacked=True,
                ),
                Panel(
                    "Answers",
                    "reqps",
                    {"{{status}}": rate("appliance_http_requests_total", "status")},
                    "By their status.",
                    stacked=True,
                ),
                Panel(
                    "Clients that left",
                    "ops",
                    {"before their answer ended": rate("appliance_http_disconnects_total")},
                    "Now and then is no matter; many of them have waited too long.",
                ),
                Panel(
                    "WebSockets closed",
                    "ops",
                    {"{{outcome}}": rate("appliance_websockets_total", "outcome")},
                    "By who ended them, or how.",
                ),
                Panel(
                    "Wrong keys",
                    "ops",
                    {"wrong keys": rate("appliance_auth_failures_total")},
                    "Somebody has an old key, or guesses.",
                ),
            ),
        ),
        Row(
            "Stages",
            (
                Panel(
                    "Ready",
                    "short",
                    {"{{box}} {{stage}}": value("appliance_stage_ready", "box, stage")},
                    "1 while the stage answers.",
                    most=1,
                ),
                Panel(
                    "Workers replaced",
                    "ops",
                    {"{{stage}}": rate("appliance_worker_restarts_total", "stage")},
                    "Workers that died or froze.",
                ),
                Panel(
                    "Jobs",
                    "ops",
                    {
                        "{{stage}} {{outcome}}": rate("appliance_stage_jobs_total", "stage, outcome"),
                        "{{stage}} left": rate("appliance_stage_aborted_total", "stage"),
                    },
                    "By how they ended. Aborted ones are mostly interruptions.",
                ),
                Panel(
                    "Turns that failed",
                    "ops",
                    {"{{door}}": rate("appliance_turns_total", "door", 'outcome="failed"')},
                    "Turns that ended with an error.",
                    12,
                ),
                Panel(
                    "Nothing heard",
                    "ops",
                    {"utterances": rate("appliance_stt_nothing_heard_total")},
                    "Utterances in which no words were found. A microphone that hums has many.",
                    12,
                ),
            ),
        ),
        Row(
            "Spoken self-test",
            (
                Panel(
                    "Outcomes",
                    "ops",
                    {"{{outcome}}": rate("appliance_spoken_probe_total", "outcome")},
                    "Every five minutes one.",
                ),
                Panel(
                    "Failures in a row, and seconds",
                    "short",
                    {
                        "failures": value("appliance_spoken_probe_failures", "box"),
                        "seconds": value("appliance_spoken_probe_seconds", "box"),
                    },
                    "With two failures the box is not ready. Seconds are those of the last test.",
                ),
                Panel(
                    "Since the last one",
                    "dtdurations",
                    {"{{box}}": f"time() - {chosen('appliance_spoken_probe_timestamp_seconds')} > 0"},
                    "Decades mean that none has been reported since the service started.",
                ),
            ),
        ),
        Row(
            "What watches",
            (
                Panel(
                    "Reached",
                    "short",
                    {"{{job}} {{instance}}": "sum by (job, instance) (up)"},
                    "1 while Prometheus gets figures from there.",
                    most=1,
                ),
                Panel(
                    "Alerts",
                    "short",
                    {"{{alertname}}": ALERTS},
                    "Those that fire; docs/operations.md has a paragraph for each.",
                    stacked=True,
                ),
                Panel(
                    "Figures left out",
                    "ops",
                    {"{{source}}": rate("appliance_scrape_failures_total", "source")},
                    "What the appliance could not find out about itself when Prometheus asked; its log says why.",
                ),
                Panel(
                    "Units that failed",
                    "short",
                    {"{{name}}": value("node_systemd_unit_state", "name", 'state="failed"')},
                    "1 while systemd calls the unit failed.",
                ),
            ),
        ),
    ),
)
