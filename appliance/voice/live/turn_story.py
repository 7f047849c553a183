"""The story of a live turn: from the user's last voice to the end of the response, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.audio import seconds
from appliance.jobs import STT_RATE
from appliance.story import Story, epoch_ms, told

if TYPE_CHECKING:
    from appliance.voice.live.response import Response


def story_of(response: Response) -> Story:
    """As a response ends. One that answers no turn that was noticed counts from the beginning of its draft."""
    asked, draft = response.asked, response.draft
    kept = [draft.jobs]
    if asked is None:
        zero, marks, heard = draft.watch.started, dict(draft.watch.marks), 0.0
    else:
        kept += [asked.utterance.jobs, asked.guess.jobs]
        zero, heard = asked.voice_end, seconds(asked.guess.audio, STT_RATE)
        marks = asked.marks(response)
    return Story(
        id=response.id,
        door="realtime",
        outcome=response.ended_as,
        zero_ms=epoch_ms(zero),
        marks=marks,
        jobs=told([note for jobs in kept for note in jobs.notes], zero),
        left_out=sum(jobs.left_out for jobs in kept),
        heard_seconds=round(heard, 3),
        spoken_seconds=round(response.playout.sent_ms / 1000, 3),
    )
