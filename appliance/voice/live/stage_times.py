"""When each stage of a turn was ready, from the user's last voice on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from appliance.voice.live.guess import Guess
    from appliance.voice.live.response import Response
    from appliance.voice.live.utterance import Utterance


def stage_times(response: Response, guess: Guess, utterance: Utterance, voice_end: float) -> dict[str, float]:
    """Milliseconds after `voice_end` (a time of the event loop's), as the first audio of the response leaves."""
    now, watch = anyio.current_time(), response.draft.watch
    times = {
        "paused": guess.began,
        "understood": guess.understood_at or now,
        "over": utterance.over_at,
        **{name: watch.started + mark / 1000 for name, mark in watch.marks.items()},
        "sent": now,
    }
    return {name: round((at - voice_end) * 1000, 1) for name, at in times.items()}
