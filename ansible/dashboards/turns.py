"""How long people wait, where the time goes, and how well turns are taken."""

from __future__ import annotations

from typing import Final

from dashboards.dashboard import Dashboard, Panel, Row
from dashboards.queries import chosen, mean, quantile, rate, share

LIVE: Final = 'door="realtime"'
WHOLE: Final = 'door="turns"'
CUT_OFFS: Final = rate("appliance_turn_cut_offs_total")
LIVE_TURNS: Final = rate("appliance_turns_total", match=LIVE)

TURNS: Final = Dashboard(
    "turns",
    "Turns",
    "How long people wait for an answer, where the time goes, and how well turns are taken.",
    (
        Row(
            "What people notice",
            (
                Panel(
                    "Voice to voice",
                    "s",
                    {
                        "half": quantile(0.5, "appliance_voice_to_voice_seconds"),
                        "19 of 20": quantile(0.95, "appliance_voice_to_voice_seconds"),
                        "19 of 20, a quarter of an hour, {{box}}": chosen("box:voice_to_voice_seconds:p95"),
                    },
                    "From a speaker's last voice to the reply's first sound, in live conversations. The goal is 2 s.",
                    12,
                    limit=2,
                ),
                Panel(
                    "Turns",
                    "ops",
                    {"{{door}} {{outcome}}": rate("appliance_turns_total", "door, outcome")},
                    "Turns a second by how they ended.",
                    12,
                    stacked=True,
                ),
            ),
        ),
        Row(
            "Live turns: from the last voice until …",
            (
                Panel(
                    "Half of the turns",
                    "s",
                    {"{{until}}": quantile(0.5, "appliance_turn_seconds", "until", LIVE)},
                    "The median of each moment of a turn. The gap between two is what lies between them.",
                ),
                Panel(
                    "19 of 20 turns",
                    "s",
                    {"{{until}}": quantile(0.95, "appliance_turn_seconds", "until", LIVE)},
                    "The same, for the slow ones.",
                ),
                Panel(
                    "Until the turn is over",
                    "s",
                    {
                        "half": quantile(0.5, "appliance_turn_seconds", match=f'{LIVE}, until="over"'),
                        "19 of 20": quantile(0.95, "appliance_turn_seconds", match=f'{LIVE}, until="over"'),
                    },
                    "Endpoint delay: how long silence is listened to until the turn counts as over.",
                ),
            ),
        ),
        Row(
            "Turns of one file: from the last byte of audio until …",
            (
                Panel(
                    "Half of the turns, by file",
                    "s",
                    {"{{until}}": quantile(0.5, "appliance_turn_seconds", "until", WHOLE)},
                    "The median of each moment of a turn at /v1/voice/turns.",
                    12,
                ),
                Panel(
                    "19 of 20 turns, by file",
                    "s",
                    {"{{until}}": quantile(0.95, "appliance_turn_seconds", "until", WHOLE)},
                    "The same, for the slow ones.",
                    12,
                ),
            ),
        ),
        Row(
            "Stages",
            (
                Panel(
                    "First part",
                    "s",
                    {"{{stage}} {{job}}": quantile(0.5, "appliance_stage_first_part_seconds", "stage, job")},
                    "From sending a job to a stage to the first part of its answer: the median.",
                ),
                Panel(
                    "First part, 19 of 20",
                    "s",
                    {"{{stage}} {{job}}": quantile(0.95, "appliance_stage_first_part_seconds", "stage, job")},
                    "The same, for the slow ones.",
                ),
                Panel(
                    "Whole job, 19 of 20",
                    "s",
                    {"{{stage}} {{job}}": quantile(0.95, "appliance_stage_job_seconds", "stage, job")},
                    "From sending a job to the end of its answer.",
                ),
            ),
        ),
        Row(
            "Turn-taking",
            (
                Panel(
                    "Cut-offs",
                    "percentunit",
                    {"of live turns": f"{CUT_OFFS} / {LIVE_TURNS}"},
                    "Turns whose speaker went on before the reply was heard: the box was too quick.",
                ),
                Panel(
                    "Interruptions",
                    "ops",
                    {"{{kind}}": rate("appliance_barge_ins_total", "kind")},
                    "Sounds during a reply: those that stopped it, and false ones after which it went on.",
                ),
                Panel(
                    "Until a cancelled reply is over",
                    "s",
                    {
                        "half": quantile(0.5, "appliance_cancel_seconds"),
                        "19 of 20": quantile(0.95, "appliance_cancel_seconds"),
                        "mean": mean("appliance_cancel_seconds"),
                    },
                    "From a reply's cancellation until nothing works on it any more.",
                ),
                Panel(
                    "Guesses at a pause",
                    "percentunit",
                    {"wasted": share("appliance_turn_guesses_total", 'outcome="wasted"')},
                    "Transcripts and replies that were begun before the turn was over, and were of no use.",
                    12,
                    most=1,
                ),
                Panel(
                    "Time wasted on guesses",
                    "short",
                    {"seconds a second": rate("appliance_turn_guesses_wasted_seconds_total")},
                    "Time that wasted guesses were under way, for each second.",
                    12,
                ),
            ),
        ),
    ),
)
