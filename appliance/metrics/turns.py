"""Spoken turns: how long until what, how they ended, and what came between. A few a turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from prometheus_client import Counter, Histogram

from appliance.metrics.registry import LATENCY_SECONDS, REGISTRY

if TYPE_CHECKING:
    from collections.abc import Mapping

Door = Literal["turns", "realtime", "wyoming"]
Outcome = Literal["completed", "interrupted", "failed", "abandoned"]

TURN_SECONDS: Final = Histogram(
    "appliance_turn_seconds",
    "Time from a turn's last audio (`turns`), last voice (`realtime`) or words (`wyoming`) to a stage's result.",
    ["door", "until"],
    buckets=LATENCY_SECONDS,
    registry=REGISTRY,
)
TURNS: Final = Counter(
    "appliance_turns_total",
    "Replies to somebody who spoke, and how they ended.",
    ["door", "outcome"],
    registry=REGISTRY,
)
VOICE_TO_VOICE_SECONDS: Final = Histogram(
    "appliance_voice_to_voice_seconds",
    "Time from the user's last voice to the reply's first audio.",
    buckets=LATENCY_SECONDS,
    registry=REGISTRY,
)
GUESSES: Final = Counter(
    "appliance_turn_guesses_total",
    "Transcripts and replies that were begun at a pause, before the turn was over: used or wasted.",
    ["outcome"],
    registry=REGISTRY,
)
WASTED_SECONDS: Final = Counter(
    "appliance_turn_guesses_wasted_seconds_total",
    "Time that wasted guesses were under way.",
    registry=REGISTRY,
)
CUT_OFFS: Final = Counter(
    "appliance_turn_cut_offs_total",
    "Turns whose speaker went on before the reply was heard: they were not over.",
    registry=REGISTRY,
)
BARGE_INS: Final = Counter(
    "appliance_barge_ins_total",
    "Sounds of the user during a reply: those that stopped it, and false ones after which it went on.",
    ["kind"],
    registry=REGISTRY,
)
CANCEL_SECONDS: Final = Histogram(
    "appliance_cancel_seconds",
    "Time from a reply's cancellation until nothing works on it any more.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0),
    registry=REGISTRY,
)
TRACES: Final = Counter(
    "appliance_traces_total",
    "Turns and requests for the trace collector: sent or dropped.",
    ["outcome"],
    registry=REGISTRY,
)

_ENDS: Final[dict[Door, tuple[Outcome, ...]]] = {
    "turns": ("completed", "failed", "abandoned"),
    "realtime": ("completed", "interrupted", "failed", "abandoned"),
    "wyoming": ("completed", "failed", "abandoned"),
}
for _door, _outcomes in _ENDS.items():
    for _outcome in _outcomes:
        TURNS.labels(_door, _outcome)
for _word in ("used", "wasted"):
    GUESSES.labels(_word)
for _word in ("true", "false"):
    BARGE_INS.labels(_word)


def turn_timed(door: Door, milliseconds: Mapping[str, float]) -> None:
    """What a turn took until each of its stages' results."""
    for until, taken in milliseconds.items():
        TURN_SECONDS.labels(door, until).observe(taken / 1000)
